// What was sent and who got it: each edit must reach each other client of its document.

/** Clients are numbered over all documents; this one is the Yjs client id of number 0. */
export const FIRST_ID = 3_000_000_000;

/**
 * `clients` in each of `documents`, `edits` of each; an edit is one clock of its author. `countsFrom` is the place from
 * which on an author's edits are measured, `due(author, place)` when one was due, in ms.
 */
export class Ledger {
  sent = 0;
  delivered = 0;
  /** Edits that came again, that came back to their author, that were another document's or nobody's. */
  doubled = 0;
  echoed = 0;
  strayed = 0;
  #clients;
  #edits;
  #due;
  #countsFrom;
  #seen;
  #latencies;
  #measured = 0;

  constructor({ documents, clients, edits, countsFrom, due }) {
    this.#clients = clients;
    this.#edits = edits;
    this.#due = due;
    this.#countsFrom = countsFrom;
    this.#seen = Array.from({ length: documents * clients }, () => new Uint8Array(clients * edits));
    this.#latencies = new Float32Array(documents * clients * (clients - 1) * edits);
  }

  get expected() {
    return this.sent * (this.#clients - 1);
  }

  get complete() {
    return this.delivered === this.expected;
  }

  /** A run of `length` clocks of the Yjs client `id` came to client number `receiver`. */
  arrived(receiver, id, clock, length, now) {
    const author = id - FIRST_ID;
    const offset = this.#offset(receiver, author);
    if (offset === null || clock + length > this.#edits) this.strayed += length;
    else if (author === receiver) this.echoed += length;
    else for (let edit = clock; edit < clock + length; edit++) this.#mark(receiver, author, offset, edit, now);
  }

  /** State number `edit` came, and with it all that came before: what was told over is no loss. */
  caughtUp(receiver, id, edit, now) {
    const author = id - FIRST_ID;
    const offset = this.#offset(receiver, author);
    if (offset === null || edit >= this.#edits) this.strayed += 1;
    else if (author === receiver) this.echoed += 1;
    else {
      this.#mark(receiver, author, offset, edit, now);
      const seen = this.#seen[receiver];
      for (let older = edit - 1; older >= 0 && !seen[offset + older]; older--) {
        this.#mark(receiver, author, offset, older, now);
      }
    }
  }

  /** Where the author's edits begin among those the receiver has seen; null if they share no document. */
  #offset(receiver, author) {
    const place = author - (receiver - (receiver % this.#clients));
    return place >= 0 && place < this.#clients ? place * this.#edits : null;
  }

  #mark(receiver, author, offset, edit, now) {
    const seen = this.#seen[receiver];
    if (seen[offset + edit]) {
      this.doubled += 1;
      return;
    }
    seen[offset + edit] = 1;
    this.delivered += 1;
    if (edit >= this.#countsFrom) this.#latencies[this.#measured++] = now - this.#due(author, edit);
  }

  result() {
    const sorted = this.#latencies.subarray(0, this.#measured).sort();
    const at = (share) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null);
    return {
      sent: this.sent,
      expected: this.expected,
      delivered: this.delivered,
      doubled: this.doubled,
      strayed: this.strayed,
      echoed: this.echoed,
      p50_ms: at(0.5),
      p99_ms: at(0.99),
      max_ms: at(1),
    };
  }
}
