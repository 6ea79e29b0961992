// Messages of the Hocuspocus dialect and the parts of Yjs updates that the load needs, read without a document.
// Source: docs/protocol.md; the v1 encoding of Yjs 13.

export const SYNC = 0;
export const AWARENESS = 1;
export const AUTH = 2;
export const SYNC_REPLY = 4;
export const CLOSED = 7;
export const SYNC_STATUS = 8;
export const STEP_1 = 0;
export const STEP_2 = 1;
export const UPDATE = 2;

const GC = 0;
const DELETED = 1;
const STRING = 4;
const SKIP = 10;

/** An unsigned number as lib0 writes it. */
export function number(value) {
  const bytes = [];
  while (value > 0x7f) {
    bytes.push(0x80 | (value % 0x80));
    value = Math.floor(value / 0x80);
  }
  bytes.push(value);
  return Buffer.from(bytes);
}

/** Bytes behind their length. */
export const block = (bytes) => Buffer.concat([number(bytes.length), bytes]);

/** A text behind its length in UTF-8 bytes. */
export const text = (value) => block(Buffer.from(value));

/** A message about a document: its name, the type, the body. */
export const message = (document, type, ...body) => Buffer.concat([text(document), number(type), ...body]);

/** A place in bytes that moves as they are read. Raises RangeError past the end. */
export class Cursor {
  constructor(bytes, from = 0, to = bytes.length) {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
  }

  number() {
    let value = 0;
    let factor = 1;
    for (;;) {
      if (this.at >= this.end) throw new RangeError("the bytes end early");
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  }

  /** Pass a block over; returns where it starts. */
  skip() {
    const length = this.number();
    const from = this.at;
    this.at += length;
    if (this.at > this.end) throw new RangeError("the bytes end early");
    return from;
  }

  block() {
    const from = this.skip();
    return this.bytes.subarray(from, this.at);
  }

  text() {
    const from = this.skip();
    return this.bytes.toString("utf8", from, this.at);
  }
}

/** Call `visit(client, clock, length)` for each run of text, deleted or not, that the update at `cursor` brings. */
export function eachRun(cursor, visit) {
  for (let clients = cursor.number(); clients > 0; clients--) {
    let structs = cursor.number();
    const client = cursor.number();
    let clock = cursor.number();
    for (; structs > 0; structs--) {
      const info = cursor.bytes[cursor.at++];
      const kind = info & 0x1f;
      if (kind === GC || kind === SKIP) {
        const length = cursor.number();
        if (kind === GC) visit(client, clock, length);
        clock += length;
        continue;
      }
      neighbours(cursor, info);
      if (kind !== STRING && kind !== DELETED) throw new RangeError(`a struct of kind ${kind}, which nobody sent`);
      const length = kind === DELETED ? cursor.number() : units(cursor);
      visit(client, clock, length);
      clock += length;
    }
  }
}

/** Call `visit(client, clock)` for each state in an awareness update. */
export function eachState(cursor, visit) {
  for (let left = cursor.number(); left > 0; left--) {
    const client = cursor.number();
    const clock = cursor.number();
    cursor.skip();
    visit(client, clock);
  }
}

/** An awareness update with one client's state. */
export const awareness = (client, clock, state) =>
  block(Buffer.concat([number(1), number(client), number(clock), text(JSON.stringify(state))]));

function neighbours(cursor, info) {
  if (info & 0x80) (cursor.number(), cursor.number());
  if (info & 0x40) (cursor.number(), cursor.number());
  if (info & 0xc0) return;
  // Neither neighbour: the parent is named, a root by its name or a struct by its place.
  if (cursor.number() === 1) cursor.skip();
  else (cursor.number(), cursor.number());
  if (info & 0x20) cursor.skip();
}

/** Pass a string over; returns its length in UTF-16 code units, in which Yjs counts. */
function units(cursor) {
  const from = cursor.skip();
  for (let at = from; at < cursor.at; at++) {
    if (cursor.bytes[at] > 0x7f) return cursor.bytes.toString("utf8", from, cursor.at).length;
  }
  return cursor.at - from;
}
