import type { Node } from "@tiptap/pm/model";
import type { Transaction } from "@tiptap/pm/state";
import { mergeInto, type Replacement } from "./compare";
import { longestBase } from "./overlay";
import { plainOf } from "./plain";
import type { Drift } from "./resolve";

/**
 * The changes of words, as places in a document, that bring into somebody's own text what changed in the document.
 * Null where that takes a person: both changed the same words, or more changed than words within a paragraph.
 */
export function planMerge(drift: NonNullable<Drift>, mine: readonly Node[]): Replacement[] | null {
  // Of a longer text only the beginning is known.
  if (Math.max(drift.was.length, drift.now.length) >= longestBase - 1) return null;
  const { text, places } = plainOf(mine);
  const changes = mergeInto(drift.was, drift.now, text);
  if (changes === null) return null;
  const found: Replacement[] = [];
  for (const { from, to, inserted } of changes) {
    if (inserted.includes("\n") || /[\n]/.test(text.slice(from, to))) return null;
    const begin = from < text.length && places[from] !== -1 ? places[from] : after(places[from - 1]);
    if (begin === undefined) return null;
    for (let at = from; at < to; at += 1) if (places[at] !== begin + at - from) return null;
    found.push({ from: begin, to: begin + to - from, inserted });
  }
  return found;
}

function after(place: number | undefined): number | undefined {
  return place === undefined || place === -1 ? undefined : place + 1;
}

/** Makes the changes, the last first, so that the places of the others hold. */
export function applyMerge(transaction: Transaction, changes: readonly Replacement[]): Transaction {
  for (const { from, to, inserted } of [...changes].reverse()) {
    if (inserted === "") transaction.delete(from, to);
    else transaction.insertText(inserted, from, to);
  }
  return transaction;
}
