/** What the filter of the slash menu looks at. */
export interface Findable {
  readonly name: string;
  /** Other words a person may type for the same thing, separated by spaces. */
  readonly also: string;
}

function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

/** 0 is the best match; null is none. */
function rank(item: Findable, query: string): number | null {
  const name = folded(item.name);
  if (name.startsWith(query)) return 0;
  const words = [...name.split(/\s+/u), ...folded(item.also).split(/\s+/u)];
  if (words.some((word) => word.startsWith(query))) return 1;
  return name.includes(query) ? 2 : null;
}

/** The items that match what was typed, best first, otherwise in their own order; all of them for nothing typed. */
export function findItems<Item extends Findable>(items: readonly Item[], typed: string): Item[] {
  const query = folded(typed.trim());
  if (query === "") return [...items];
  return items
    .map((item) => ({ item, place: rank(item, query) }))
    .filter((found): found is { item: Item; place: number } => found.place !== null)
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
