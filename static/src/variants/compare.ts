/** A stretch of two texts: in both, only in the first, or only in the second. */
export interface Stretch {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/** In a text, from `from` to `to` gives way to `inserted`. */
export interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly inserted: string;
}

const pieces = /\s|[\p{L}\p{M}\p{N}_'’]+|[^\s\p{L}\p{M}\p{N}_]/gsu;
/** Of so many words the table of all pairs would stop the page; a longer middle is taken as a whole. */
const mostCells = 1_500_000;

function split(text: string): string[] {
  return text.match(pieces) ?? [];
}

/** What changed between two texts, by words. */
export function compareWords(before: string, after: string): Stretch[] {
  const [old, now] = [split(before), split(after)];
  const most = Math.min(old.length, now.length);
  let head = 0;
  while (head < most && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < most - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const stretches: { kind: Stretch["kind"]; text: string }[] = [];
  const say = (kind: Stretch["kind"], text: string) => {
    if (text === "") return;
    const last = stretches.at(-1);
    if (last?.kind === kind) last.text += text;
    else stretches.push({ kind, text });
  };
  say("same", old.slice(0, head).join(""));
  compareMiddle(old.slice(head, old.length - tail), now.slice(head, now.length - tail), say);
  say("same", old.slice(old.length - tail).join(""));
  return stretches;
}

function compareMiddle(old: readonly string[], now: readonly string[], say: (kind: Stretch["kind"], text: string) => void): void {
  const width = now.length + 1;
  if (old.length * now.length > mostCells) {
    say("removed", old.join(""));
    say("added", now.join(""));
    return;
  }
  // How many words the rests have in common, from each pair of places on.
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const below = common[(i + 1) * width + j] ?? 0;
      const beside = common[i * width + j + 1] ?? 0;
      common[i * width + j] =
        old[i] === now[j] ? (common[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(below, beside);
    }
  }
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      say("same", old[i] ?? "");
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))) {
      say("removed", old[i] ?? "");
      i += 1;
    } else {
      say("added", now[j] ?? "");
      j += 1;
    }
  }
}

/** The changes that lead from one text to another; `from` and `to` are places in the first. */
export function changesBetween(before: string, after: string): Replacement[] {
  const found: { from: number; to: number; inserted: string }[] = [];
  let at = 0;
  let open = false;
  for (const { kind, text } of compareWords(before, after)) {
    if (kind === "same") {
      at += text.length;
      open = false;
      continue;
    }
    let change = open ? found.at(-1) : undefined;
    if (change === undefined) {
      change = { from: at, to: at, inserted: "" };
      found.push(change);
      open = true;
    }
    if (kind === "added") change.inserted += text;
    else {
      at += text.length;
      change.to = at;
    }
  }
  return found;
}

/**
 * What to change in `mine` so that it also says what changed between `base` and `theirs`: places in `mine`, in order.
 * Null if both changed the same words, or words side by side, which only a person can put together.
 */
export function mergeInto(base: string, theirs: string, mine: string): Replacement[] | null {
  if (base === mine) return changesBetween(base, theirs);
  const kept: { from: number; to: number; shift: number }[] = [];
  let [at, shift] = [0, 0];
  for (const { kind, text } of compareWords(base, mine)) {
    if (kind === "same") {
      kept.push({ from: at, to: at + text.length, shift });
      at += text.length;
    } else if (kind === "removed") {
      at += text.length;
      shift -= text.length;
    } else {
      shift += text.length;
    }
  }
  const merged: Replacement[] = [];
  for (const { from, to, inserted } of changesBetween(base, theirs)) {
    const run = kept.find((each) => {
      const begins = each.from < from || (from === 0 && each.from === 0 && each.shift === 0);
      const ends = each.to > to || (to === base.length && each.to === base.length && each.to + each.shift === mine.length);
      return begins && ends && each.from <= from && to <= each.to;
    });
    if (!run) return null;
    merged.push({ from: from + run.shift, to: to + run.shift, inserted });
  }
  return merged;
}
