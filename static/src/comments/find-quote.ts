export interface Quoted {
  readonly quote: string;
  readonly before: string;
  readonly after: string;
}

/** So many letters around a quote make another place with the same words the right one; fewer do in its own block. */
const certain = 8;
const certainInBlock = 4;
/** So many letters do not stand twice in a block by chance. */
const long = 20;
const mostPlaces = 200;

function places(text: string, quote: string, from: number, to: number): number[] {
  const found: number[] = [];
  if (quote === "") return found;
  for (let at = text.indexOf(quote, from); at !== -1 && at + quote.length <= to; at = text.indexOf(quote, at + 1)) {
    found.push(at);
    if (found.length === mostPlaces) break;
  }
  return found;
}

function sameEnd(one: string, other: string): number {
  let count = 0;
  while (count < Math.min(one.length, other.length) && one.at(-1 - count) === other.at(-1 - count)) count += 1;
  return count;
}

function sameStart(one: string, other: string): number {
  let count = 0;
  while (count < Math.min(one.length, other.length) && one[count] === other[count]) count += 1;
  return count;
}

/** How many of the letters around a place are those that stood around the quote. */
function likeness(text: string, at: number, { quote, before, after }: Quoted): number {
  const end = at + quote.length;
  return (
    sameEnd(text.slice(Math.max(0, at - before.length), at), before) + sameStart(text.slice(end, end + after.length), after)
  );
}

function best(text: string, candidates: readonly number[], quoted: Quoted): { at: number; score: number } | null {
  const [first, second] = candidates
    .map((at) => ({ at, score: likeness(text, at, quoted) }))
    .sort((one, other) => other.score - one.score);
  return first === undefined || first.score === second?.score ? null : first;
}

/** How often a quote stands in a text. */
export function countQuote(text: string, quote: string): number {
  return places(text, quote, 0, text.length).length;
}

/**
 * Where a quote stands in a text by now, or null if that cannot be said for certain: in its own block, `within`; or
 * where the words around it are still the same; or, if it `isNew` in the text, where it came in. Of a quote that never
 * was attached (`isFresh`) the words around it are all that is known, be they few or none.
 */
export function findQuote(
  text: string,
  quoted: Quoted,
  { within, isNew, isFresh }: { within: readonly [number, number] | null; isNew: boolean; isFresh: boolean },
): number | null {
  if (within !== null) {
    const found = best(text, places(text, quoted.quote, ...within), quoted);
    if (found !== null && (quoted.quote.length >= long || found.score >= certainInBlock)) return found.at;
  }
  const everywhere = places(text, quoted.quote, 0, text.length);
  if (isNew && everywhere.length === 1) return everywhere[0] ?? null;
  const found = best(text, everywhere, quoted);
  const needed = isFresh ? Math.min(certain, quoted.before.length + quoted.after.length) : certain;
  return found !== null && found.score >= needed ? found.at : null;
}
