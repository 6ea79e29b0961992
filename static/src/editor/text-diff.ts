/** One replacement in a text: at `at`, `removed` UTF-16 units give way to `inserted`. */
export interface TextChange {
  readonly at: number;
  readonly removed: number;
  readonly inserted: string;
}

/**
 * The one replacement that turns `before` into `after`. In "aaa" → "aaaa" any place would do; `caret`, the
 * caret's place after the change, says which one the person meant. Surrogate pairs are never split.
 */
export function diffText(before: string, after: string, caret: number): TextChange | null {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  const tailLimit = after.length - Math.min(Math.max(caret, 0), after.length);
  let tail = 0;
  while (tail < Math.min(shorter, tailLimit) && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  let head = 0;
  while (head < shorter - tail && before[head] === after[head]) head += 1;
  // With the caret's hint used up, the rest of the tail is still equal text.
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  if (head > 0 && isHighSurrogate(before.charCodeAt(head - 1))) head -= 1;
  if (tail > 0 && isLowSurrogate(before.charCodeAt(before.length - tail))) tail -= 1;
  return { at: head, removed: before.length - tail - head, inserted: after.slice(head, after.length - tail) };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

type Delta = readonly { insert?: unknown; delete?: number | undefined; retain?: number | undefined }[];

/** Where a caret at `position` stands after somebody else's change. */
export function moveThrough(delta: Delta, position: number): number {
  let at = 0;
  let moved = position;
  for (const part of delta) {
    if (at > moved) break;
    if (part.retain !== undefined) at += part.retain;
    else if (typeof part.insert === "string") {
      // Text put exactly at the caret goes behind it: the person keeps typing where they were.
      if (at < moved) moved += part.insert.length;
      at += part.insert.length;
    } else if (part.delete !== undefined) moved -= Math.min(part.delete, Math.max(0, moved - at));
  }
  return moved;
}
