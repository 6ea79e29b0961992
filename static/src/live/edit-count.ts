/** Keystrokes closer together than this are one edit, as they are one step of undo. */
export const burstMilliseconds = 500;

/** How many edits a person made since the last "Saved": bursts of changes, not single letters. */
export interface EditCount {
  readonly edits: number;
  /** Time of the first change that is not yet confirmed, and of the latest; milliseconds. */
  readonly since: number | null;
  readonly latest: number | null;
}

export function noEdits(kept: number): EditCount {
  return { edits: kept, since: null, latest: null };
}

export function countChange(count: EditCount, now: number): EditCount {
  const sameBurst = count.latest !== null && now - count.latest < burstMilliseconds && count.edits > 0;
  return { edits: sameBurst ? count.edits : count.edits + 1, since: count.since ?? now, latest: now };
}
