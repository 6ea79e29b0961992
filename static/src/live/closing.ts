/** Why a connection ended, and whether to come back. */
export type Ending =
  | { readonly kind: "refused"; readonly code: number; readonly word: string; readonly sentence: string }
  | { readonly kind: "wait"; readonly windowSeconds: number }
  | { readonly kind: "retry" };

const usualWindowSeconds = 3;

/** The document was replaced since the copy in this browser was made; the two must never be merged. */
export const otherLineage = 4409;

/** What was sent may not be written by this person; they may only read. */
export const forbidden = 4403;

/** What was sent is no suggestion, and this person may only suggest. */
export const suggestionsOnly = 4405;

/** The document is in the trash. */
export const trashed = 4410;

/** Is it no use to come back with the same request? So mean 4400 to 4499, and the standard codes for a broken client. */
function isFinal(code: number): boolean {
  return (code >= 4400 && code <= 4499) || [1002, 1003, 1007, 1008, 1009].includes(code);
}

/** Reads the close code and reason of a socket. Source: docs/protocol.md, close codes. */
export function readClosing(code: number, reason: string): Ending {
  if (isFinal(code)) return { kind: "refused", code, ...readReason(reason) };
  if (code === 1012 || code === 1013 || code === 4503 || code === 4529) {
    const named = /retry[-_ ]?(?:after|in)[=: ]*(\d+(?:\.\d+)?)/i.exec(reason)?.[1];
    return { kind: "wait", windowSeconds: Math.min(300, named === undefined ? usualWindowSeconds : Number(named)) };
  }
  return { kind: "retry" };
}

/** Reads a refusal of one document that came as text: "4403 forbidden: You may not open this document." */
export function readRefusal(text: string): Ending {
  const [, number, rest] = /^(\d{4})\s+(.*)$/s.exec(text) ?? [];
  if (number !== undefined) return readClosing(Number(number), rest ?? "");
  // A refusal without a number is still a refusal: coming back with the same cookie gives the same answer.
  return { kind: "refused", code: 4403, word: "forbidden", sentence: "" };
}

function readReason(reason: string): { word: string; sentence: string } {
  const [, word, sentence] = /^([a-z][a-z_-]*)(?::\s*(.*))?$/s.exec(reason.trim()) ?? [];
  if (word === undefined) return { word: "", sentence: reason.trim() };
  return { word, sentence: sentence ?? "" };
}
