// Several Yjs clients of both dialects in one process, steered line by line with JSON on standard input.
// A request {id, op, ...} is answered by {id, result} or {id, error}; {event: "durable", ...} comes unasked.
// What a step does is written down in edits.py, which does the same with pycrdt.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
// One Yjs for all: two copies in one process do not know each other's types.
const require = createRequire(join(here, "../../static/package.json"));
const Y = require("yjs");
const { WebsocketProvider } = require("y-websocket");
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require("@hocuspocus/provider");
const decoding = require("lib0/decoding");
const ws = require("ws");

/** As in a browser: a socket that fails only closes. */
class WebSocket extends ws.WebSocket {
  constructor(...args) {
    super(...args);
    this.on("error", () => {});
  }
}

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** What a Hocuspocus frame is to the count of acknowledgements: "sent", "durable" or neither. */
function meaning(data) {
  const decoder = decoding.createDecoder(new Uint8Array(data));
  if (data.byteLength < 2) return null;
  decoding.readVarString(decoder);
  const type = decoding.readVarUint(decoder);
  if (type === 8) return decoding.readVarUint(decoder) === 1 ? "durable" : "refused";
  if (type !== 0 && type !== 4) return null;
  return decoding.readVarUint(decoder) === 0 ? null : "sent";
}

/** A socket that knows which of the frames sent on it the server has made durable: they are acknowledged in order. */
function countingSocket(onMove) {
  return class extends WebSocket {
    sent = 0;
    durable = 0;

    constructor(...args) {
      super(...args);
      this.on("message", (data) => {
        const kind = meaning(data);
        if (kind === "durable") onMove(this, ++this.durable);
      });
    }

    send(data, ...rest) {
      if (meaning(data) === "sent") this.sent += 1;
      super.send(data, ...rest);
    }
  };
}

class Client {
  constructor(name, doc) {
    this.name = name;
    this.doc = doc;
    this.closings = [];
    this.denied = [];
  }
  get unsynced() {
    return 0;
  }
}

class PathClient extends Client {
  constructor(name, { address, document, token }) {
    super(name, new Y.Doc());
    this.provider = new WebsocketProvider(`${address}/collab`, document, this.doc, {
      WebSocketPolyfill: WebSocket,
      params: { token },
      disableBc: true,
      maxBackoffTime: 300,
    });
    this.provider.on("connection-close", (event) => {
      if (event) this.closings.push({ code: event.code, reason: event.reason });
      // What any client has to do with a final code, and the provider leaves to its host.
      if (event && event.code >= 4400 && event.code < 4500) this.provider.disconnect();
    });
  }
  get synced() {
    return this.provider.synced && this.provider.wsconnected;
  }
  connect() {
    this.provider.connect();
  }
  disconnect() {
    this.provider.disconnect();
  }
  end() {
    this.provider.destroy();
  }
}

class MultiplexedClient extends Client {
  constructor(name, { address, document, token }) {
    super(name, new Y.Doc());
    this.waiting = [];
    this.socket = new HocuspocusProviderWebsocket({
      url: `${address}/collab`,
      WebSocketPolyfill: countingSocket((socket, durable) => this.#told(socket, durable)),
      delay: 100,
      minDelay: 50,
      maxDelay: 300,
      factor: 1,
      onClose: ({ event }) => {
        this.closings.push({ code: event.code, reason: String(event.reason ?? "") });
        if (event.code >= 4400 && event.code < 4500) this.socket.disconnect();
      },
    });
    this.provider = new HocuspocusProvider({
      websocketProvider: this.socket,
      name: document,
      document: this.doc,
      token,
      onAuthenticationFailed: ({ reason }) => this.denied.push(reason),
    });
    this.provider.attach();
  }
  get synced() {
    return this.provider.isSynced && this.socket.status === "connected";
  }
  get unsynced() {
    return this.provider.unsyncedChanges;
  }
  /** Remember words that went out with the frame that was sent last. */
  note(words) {
    const socket = this.socket.webSocket;
    if (socket?.readyState === 1 && words.length > 0) this.waiting.push({ socket, frame: socket.sent, words });
  }
  #told(socket, durable) {
    // What an earlier socket left unanswered is offered again as a whole; nothing tells when that is durable.
    this.waiting = this.waiting.filter((each) => each.socket === socket);
    while (this.waiting.length > 0 && this.waiting[0].frame <= durable) {
      say({ event: "durable", client: this.name, words: this.waiting.shift().words });
    }
  }
  /** The provider takes a socket that is still closing for connected, and would stay away. */
  async connect() {
    if (this.socket.shouldConnect) return;
    await this.#ended();
    void this.socket.connect();
  }
  async disconnect() {
    this.socket.disconnect();
    await this.#ended();
  }
  async #ended() {
    if (this.socket.status === "disconnected") return;
    await new Promise((resolve) => {
      const watch = ({ status }) => {
        if (status !== "disconnected") return;
        this.socket.off("status", watch);
        resolve();
      };
      this.socket.on("status", watch);
    });
  }
  end() {
    this.provider.destroy();
    this.socket.destroy();
  }
}

const blocksOf = (doc) => doc.getXmlFragment("default");
const titleOf = (doc) => doc.getMap("meta").get("title");

function paragraphs(parent) {
  return parent
    .toArray()
    .flatMap((child) => (!(child instanceof Y.XmlElement) ? [] : child.nodeName === "paragraph" ? [child] : paragraphs(child)));
}

const pick = (list, share) => list[Math.floor(share * list.length)];
const plain = (text) => text.toDelta().map((piece) => piece.insert).join("");

/** Where words begin and end in a text: [[0, 6], [6, 12], …], each with the space behind it. */
function spans(text) {
  return [...plain(text).matchAll(/\S+ ?/g)].map((match) => [match.index, match.index + match[0].length]);
}

function firstText(paragraph) {
  const found = paragraph.toArray().find((child) => child instanceof Y.XmlText);
  if (found) return found;
  const text = new Y.XmlText();
  paragraph.insert(0, [text]);
  return text;
}

function paragraphWith(id, words) {
  const paragraph = new Y.XmlElement("paragraph");
  paragraph.setAttribute("id", id);
  paragraph.insert(0, [new Y.XmlText(words)]);
  return paragraph;
}

function insertWord(text, at, word) {
  const words = plain(text);
  // Not behind a word without a space, such as the title that the document was made with.
  const places = [0, ...spans(text).map(([, end]) => end).filter((end) => words[end - 1] === " ")];
  text.insert(pick(places, at), `${word} `);
}

function deleteWord(text, at) {
  const span = pick(spans(text), at);
  if (!span) return [];
  const word = plain(text).slice(...span);
  text.delete(span[0], span[1] - span[0]);
  return [word.trim()];
}

const allWords = (element) =>
  element.toArray().flatMap((child) => (child instanceof Y.XmlText ? plain(child).trim().split(/\s+/).filter(Boolean) : allWords(child)));

/** Do one step. Returns {inserted, deleted, into, gone}. */
function perform(doc, step) {
  const blocks = blocksOf(doc);
  const every = paragraphs(blocks);
  const paragraph = pick(every, step.block);
  const done = { inserted: [], deleted: [], into: null, gone: null };
  switch (step.kind) {
    case "paragraph":
      blocks.insert(Math.floor(step.at * (blocks.length + 1)), [paragraphWith(step.id, `${step.word} `)]);
      return { ...done, inserted: [step.word], into: step.id };
    case "list": {
      const list = new Y.XmlElement("bulletList");
      const item = new Y.XmlElement("listItem");
      list.setAttribute("id", `${step.id}-list`);
      item.setAttribute("id", `${step.id}-item`);
      item.insert(0, [paragraphWith(step.id, `${step.word} `)]);
      list.insert(0, [item]);
      blocks.insert(Math.floor(step.at * (blocks.length + 1)), [list]);
      return { ...done, inserted: [step.word], into: step.id };
    }
    case "word":
      if (!paragraph) return done;
      insertWord(firstText(paragraph), step.at, step.word);
      return { ...done, inserted: [step.word], into: paragraph.getAttribute("id") };
    case "delete":
      if (!paragraph) return done;
      return { ...done, deleted: deleteWord(firstText(paragraph), step.at) };
    case "drop": {
      const top = blocks.toArray().filter((child) => child instanceof Y.XmlElement && child.nodeName === "paragraph");
      const chosen = pick(top, step.block);
      if (!chosen || top.length < 3) return done;
      const dropped = { ...done, deleted: allWords(chosen), gone: chosen.getAttribute("id") };
      blocks.delete(blocks.toArray().indexOf(chosen), 1);
      return dropped;
    }
    case "mark": {
      if (!paragraph) return done;
      const text = firstText(paragraph);
      const span = pick(spans(text), step.at);
      if (span) text.format(span[0], span[1] - span[0], { [step.mark]: step.on ? {} : null });
      return done;
    }
    case "title":
      insertWord(titleOf(doc), step.at, step.word);
      return { ...done, inserted: [step.word], into: "title" };
    case "title-delete":
      return { ...done, deleted: deleteWord(titleOf(doc), step.at) };
    default:
      throw new Error(`unknown step ${step.kind}`);
  }
}

/** The document as plain values; edits.py draws the same of a pycrdt document. */
function draw(node) {
  if (node instanceof Y.XmlText) {
    const pieces = node.toDelta().map(({ insert, attributes }) => [insert, attributes ?? {}]);
    return { text: pieces };
  }
  return { tag: node.nodeName, attributes: node.getAttributes(), children: node.toArray().map(draw) };
}

const clients = new Map();

function clientOf({ client }) {
  const found = clients.get(client);
  if (!found) throw new Error(`no client ${client}`);
  return found;
}

const operations = {
  open(request) {
    const Kind = request.dialect === "hocuspocus" ? MultiplexedClient : PathClient;
    clients.set(request.client, new Kind(request.client, request));
    return {};
  },
  async connect(request) {
    await clientOf(request).connect();
    return {};
  },
  async disconnect(request) {
    await clientOf(request).disconnect();
    return {};
  },
  close(request) {
    clientOf(request).end();
    clients.delete(request.client);
    return {};
  },
  edit(request) {
    const client = clientOf(request);
    return request.steps.map((step) => {
      const done = client.doc.transact(() => perform(client.doc, step));
      client.note?.(done.inserted);
      return done;
    });
  },
  read(request) {
    const { doc } = clientOf(request);
    return {
      blocks: blocksOf(doc).toArray().map(draw),
      title: titleOf(doc)?.toString() ?? null,
      pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
    };
  },
  status(request) {
    const client = clientOf(request);
    const { synced, unsynced, closings, denied } = client;
    return { synced, unsynced, closings, denied };
  },
};

async function answer(request) {
  try {
    say({ id: request.id, result: await operations[request.op](request) });
  } catch (error) {
    say({ id: request.id, error: String(error.stack ?? error) });
  }
}

// Not one after the other: a client that hangs up must not hold up the rest.
for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line));
process.exit(0);
