// A WebSocket client for load: bytes straight from the socket to a callback, frames made and masked beforehand.
// Source: RFC 6455. It offers no extension, so a frame with a reserved bit is an error.
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";

const SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const LONGEST_HEAD = 10;
// Not zero: a server may skip unmasking then, which it cannot do for a browser.
const MASK = Buffer.from([0x37, 0x9d, 0x5b, 0xe1]);

// Every read of every socket lands here; what must outlast the callback is copied.
const shared = Buffer.allocUnsafeSlow(256 * 1024);

/** A masked frame with this payload, ready to be written. */
export function frame(payload, opcode = BINARY) {
  const length = payload.length;
  const extra = length < 126 ? 0 : length < 0x10000 ? 2 : 8;
  const made = Buffer.allocUnsafe(6 + extra + length);
  made[0] = 0x80 | opcode;
  made[1] = 0x80 | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) made.writeUInt16BE(length, 2);
  if (extra === 8) made.writeBigUInt64BE(BigInt(length), 2);
  const start = 6 + extra;
  MASK.copy(made, start - 4);
  for (let at = 0; at < length; at++) made[start + at] = payload[at] ^ MASK[at & 3];
  return made;
}

/**
 * One connection. `onMessage(bytes, from, to)` is called within the read, and must not keep `bytes`.
 * `onEnd(reason)` is called once, for any end but one's own `close`.
 */
export class Socket {
  onMessage = () => {};
  onEnd = () => {};
  #socket;
  #opened;
  #ended = false;
  // Bytes of an unfinished frame; `#filled` of them are there, once the length is known.
  #head = null;
  #large = null;
  #filled = 0;

  constructor({ host, port, path }) {
    const key = randomBytes(16).toString("base64");
    const proof = createHash("sha1").update(key + SALT).digest("base64");
    let answer = "";
    this.opened = new Promise((resolve, reject) => {
      this.#opened = false;
      this.onEnd = (reason) => reject(new Error(reason));
      this.#socket = connect({
        host,
        port,
        noDelay: true,
        onread: {
          buffer: shared,
          callback: (count) => {
            const bytes = shared.subarray(0, count);
            if (this.#opened) return this.#read(bytes);
            answer += bytes.toString("latin1");
            const end = answer.indexOf("\r\n\r\n");
            if (end < 0) return true;
            if (!answer.startsWith("HTTP/1.1 101 ") || !answer.includes(proof)) {
              this.#end(`no WebSocket: ${answer.slice(0, 40)}`);
              return true;
            }
            this.#opened = true;
            this.onEnd = () => {};
            resolve(this);
            const rest = Buffer.from(answer.slice(end + 4), "latin1");
            // After the caller has set its callbacks.
            if (rest.length) queueMicrotask(() => queueMicrotask(() => this.#read(rest)));
            return true;
          },
        },
      });
      this.#socket.on("error", (error) => this.#end(error.message));
      this.#socket.on("close", () => this.#end("the connection ended"));
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
  }

  /** Write a frame as `frame` makes it. */
  write(made) {
    this.#socket.write(made);
  }

  /** Hang up. */
  close() {
    this.#ended = true;
    this.#socket.destroy();
  }

  #end(reason) {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.onEnd(reason);
  }

  #read(bytes) {
    if (this.#large) {
      const taken = bytes.copy(this.#large, this.#filled);
      this.#filled += taken;
      if (this.#filled < this.#large.length) return true;
      const whole = this.#large;
      this.#large = null;
      this.#frames(whole);
      bytes = bytes.subarray(taken);
    }
    if (this.#head) {
      bytes = Buffer.concat([this.#head, bytes]);
      this.#head = null;
    }
    this.#frames(bytes);
    return true;
  }

  #frames(bytes) {
    let at = 0;
    while (at < bytes.length && !this.#ended) {
      const left = bytes.length - at;
      let length = left > 1 ? bytes[at + 1] & 0x7f : 0;
      const head = length === 127 ? LONGEST_HEAD : length === 126 ? 4 : 2;
      if (left < head) {
        this.#head = Buffer.from(bytes.subarray(at));
        return;
      }
      if (head === 4) length = bytes.readUInt16BE(at + 2);
      if (head === LONGEST_HEAD) length = Number(bytes.readBigUInt64BE(at + 2));
      const first = bytes[at];
      const from = at + head;
      const to = from + length;
      if (to > bytes.length) {
        this.#large = Buffer.allocUnsafe(head + length);
        this.#filled = bytes.copy(this.#large, 0, at);
        return;
      }
      if (first === (0x80 | BINARY) && !(bytes[at + 1] & 0x80)) this.onMessage(bytes, from, to);
      else if (first === (0x80 | PING)) this.write(frame(bytes.subarray(from, to), PONG));
      else if (first === (0x80 | CLOSE)) {
        const code = length >= 2 ? bytes.readUInt16BE(from) : 0;
        this.#end(`closed with ${code} ${bytes.toString("utf8", from + 2, to)}`);
      } else if (first !== (0x80 | PONG)) this.#end(`a frame that starts with ${first}`);
      at = to;
    }
  }
}
