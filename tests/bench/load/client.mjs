// A client of one document: says who it is, gets in step, and hands on what then comes.
import * as wire from "./wire.mjs";
import { frame, Socket } from "./websocket.mjs";

// What a Yjs document that holds nothing says it knows, and what it can offer.
const KNOWS_NOTHING = Buffer.from([0]);
const BRINGS_NOTHING = Buffer.from([0, 0]);
const JOIN_SECONDS = 30;

export class Client {
  /** Called with a cursor at the update, or the awareness update. */
  onUpdate = () => {};
  onPresence = () => {};
  onEnd = () => {};
  /** The update of the first step 2, copied; its arrival is `syncedAt`, in ms. */
  whole = null;
  syncedAt = 0;
  frames = 0;
  #socket = null;
  #synced;

  constructor({ host, port, path, token }, document) {
    this.document = document;
    this.address = { host, port, path };
    this.token = token;
    this.nameLength = wire.text(document).length;
  }

  /** Connect and get in step. Raises Error if the server ends it, or says no. */
  async join() {
    const socket = await (this.#socket = new Socket(this.address)).opened;
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not in step after ${JOIN_SECONDS} s`)), JOIN_SECONDS * 1000);
      this.#synced = () => resolve(clearTimeout(late));
      this.onRefused = reject;
      socket.onEnd = (reason) => {
        reject(new Error(reason));
        this.onEnd(reason);
      };
      socket.onMessage = (bytes, from, to) => this.#take(bytes, from, to);
      this.say(wire.AUTH, wire.number(0), wire.text(this.token), wire.text("4.0.0"));
    });
    return this;
  }

  say(type, ...body) {
    this.#socket.write(frame(wire.message(this.document, type, ...body)));
  }

  /** Write a frame that was made beforehand. */
  write(made) {
    this.#socket.write(made);
  }

  leave() {
    this.#socket?.close();
  }

  #take(bytes, from, to) {
    this.frames += 1;
    if (to - from === 1) return;
    const cursor = new wire.Cursor(bytes, from + this.nameLength, to);
    const type = cursor.number();
    if (type === wire.SYNC || type === wire.SYNC_REPLY) {
      const step = cursor.number();
      cursor.number();
      if (step === wire.UPDATE) this.onUpdate(cursor);
      else if (step === wire.STEP_1) {
        this.say(wire.SYNC, wire.number(wire.STEP_2), wire.block(BRINGS_NOTHING));
      } else if (this.whole === null) {
        this.syncedAt = performance.now();
        this.whole = Buffer.from(bytes.subarray(cursor.at, to));
        this.#synced();
      } else this.onUpdate(cursor);
    } else if (type === wire.AWARENESS) {
      cursor.number();
      this.onPresence(cursor);
    } else if (type === wire.AUTH) {
      if (cursor.number() === 1) this.onRefused(new Error(`refused: ${cursor.text()}`));
      else this.say(wire.SYNC, wire.number(wire.STEP_1), wire.block(KNOWS_NOTHING));
    } else if (type === wire.CLOSED) this.onEnd(`the document was closed: ${cursor.text()}`);
  }
}

/** A frame that brings an edit. */
export const editFrame = (document, update) =>
  frame(wire.message(document, wire.SYNC, wire.number(wire.UPDATE), wire.block(update)));

/** A frame that tells a presence. */
export const presenceFrame = (document, client, clock, state) =>
  frame(wire.message(document, wire.AWARENESS, wire.awareness(client, clock, state)));

/** Do `work(each)` for all, at most `limit` at a time. */
export async function some(all, limit, work) {
  const left = all[Symbol.iterator]();
  const line = async () => {
    for (const each of left) await work(each);
  };
  await Promise.all(Array.from({ length: limit }, line));
}
