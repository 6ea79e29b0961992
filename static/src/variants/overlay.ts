import type * as Y from "yjs";

/** What stands in place of a block: words of its own, or nothing. `base`: what the block said when that was decided. */
export interface Override {
  readonly kind: "adapted" | "left out";
  readonly base: string;
}

/** What is written down of one account's variant, as docs/data-model.md has it. Texts lie in roots of their own. */
export interface Overlay {
  /** Blocks that nobody adapted are left out, those that come later too. */
  readonly isOwn: boolean;
  readonly blocks: ReadonlyMap<string, Override>;
  readonly hasStart: boolean;
  readonly hasTitle: boolean;
  readonly link: string;
  readonly tags: string;
  readonly options: ReadonlyMap<string, string>;
  /** The ids of the further posts, in order. */
  readonly replies: readonly string[];
}

export const longestBase = 2000;
export const mostReplies = 20;
/** As much as the server takes. */
const longestWords = 2000;
const mostTags = 20;
const longestTag = 100;

const named = /^(block|reply|option)\/([A-Za-z0-9_-]{1,64})$/;

export function variantsOf(document: Y.Doc): Y.Map<unknown> {
  return document.getMap("variants");
}

/** The names of the roots that hold the texts of an account's variant. */
export function rootsOf(account: string) {
  return {
    start: `variant/${account}/start`,
    title: `variant/${account}/title`,
    block: (id: string) => `variant/${account}/block/${id}`,
    reply: (id: string) => `variant/${account}/reply/${id}`,
  };
}

/** More than the server takes says nothing. */
function words(value: unknown, most = longestWords): string {
  return typeof value === "string" && value.length <= most ? value : "";
}

function readOverride(value: unknown): Override | null {
  if (typeof value !== "object" || value === null) return null;
  const { kind, base } = value as { kind?: unknown; base?: unknown };
  if (kind !== "adapted" && kind !== "left out") return null;
  return { kind, base: typeof base === "string" ? base.slice(0, longestBase) : "" };
}

/** Reads what any program may have written: what is not well formed says nothing. */
export function readOverlay(map: Y.Map<unknown>, account: string): Overlay {
  const at = (name: string): unknown => map.get(`${account}/${name}`);
  const blocks = new Map<string, Override>();
  const options = new Map<string, string>();
  const replies: { id: string; at: number }[] = [];
  for (const [key, value] of map.entries()) {
    if (!key.startsWith(`${account}/`)) continue;
    const [, kind, id] = named.exec(key.slice(account.length + 1)) ?? [];
    if (id === undefined) continue;
    if (kind === "block") {
      const override = readOverride(value);
      if (override !== null) blocks.set(id, override);
    } else if (kind === "option") {
      if (words(value) !== "") options.set(id, words(value));
    } else if (typeof value === "object" && value !== null) {
      const { at: place } = value as { at?: unknown };
      if (typeof place === "number" && Number.isFinite(place)) replies.push({ id, at: place });
    }
  }
  return {
    isOwn: at("text") === "own",
    blocks,
    hasStart: at("start") === true,
    hasTitle: at("title") === true,
    link: words(at("link")),
    tags: words(at("tags"), longestWords * mostTags),
    options,
    replies: replies
      // Two that were added at once stand in one order for everybody, the server's.
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
      .slice(0, mostReplies)
      .map(({ id }) => id),
  };
}

/** "#Autumn, plans , plans" → ["Autumn", "plans"], as the server reads them. */
export function splitTags(written: string): string[] {
  const cleaned = written.split(",").map((each) => each.trim().replace(/\s+/g, " ").replace(/^#+/, "").trim());
  return [...new Set(cleaned)].filter((tag) => tag !== "" && tag.length <= longestTag).slice(0, mostTags);
}
