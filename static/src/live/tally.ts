import type { FrameMeaning } from "./frames";

/**
 * What one socket has carried that matters for "Saved". A new socket starts a new tally: a frame that
 * was lost with an old socket is sent again as part of the answer to the server's question.
 */
export interface Tally {
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  /** The server knows all we had when this socket opened: our answer to its question has left. */
  readonly offered: boolean;
  /** We know all the server had: its answer to our question has come. */
  readonly received: boolean;
}

export const emptyTally: Tally = { sent: 0, accepted: 0, refused: 0, offered: false, received: false };

export function countOutgoing(tally: Tally, meaning: FrameMeaning): Tally {
  if (meaning === "answer") return { ...tally, sent: tally.sent + 1, offered: true };
  if (meaning === "update") return { ...tally, sent: tally.sent + 1 };
  return tally;
}

export function countIncoming(tally: Tally, meaning: FrameMeaning): Tally {
  switch (meaning) {
    case "accepted":
      return { ...tally, accepted: tally.accepted + 1 };
    case "refused":
      return { ...tally, refused: tally.refused + 1 };
    case "answer":
      return { ...tally, received: true };
    default:
      return tally;
  }
}

/** Is every edit of this browser committed, as far as this socket can tell? */
export function isSettled(tally: Tally): boolean {
  return tally.received && tally.offered && tally.refused === 0 && tally.accepted >= tally.sent;
}
