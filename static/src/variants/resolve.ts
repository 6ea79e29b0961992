import type { Node } from "@tiptap/pm/model";
import { described } from "./accepted";
import { type Overlay, splitTags } from "./overlay";
import { baseOf } from "./plain";
import { idOf } from "./variant";

export type Drift = { readonly was: string; readonly now: string } | null;

/** One block of the document as a variant takes it. `drift`: what changed since somebody decided about it. */
export interface Place {
  readonly block: Node;
  /** Null: it has no id yet, or bears that of a block before it, and can only follow. */
  readonly id: string | null;
  readonly kind: "follows" | "adapted" | "left out";
  /** Left out because nobody adapted it in a text of its own, and not by itself. */
  readonly isUnused: boolean;
  readonly drift: Drift;
}

/** The blocks of a document with what a variant makes of each, and what was written for blocks that are gone. */
export interface Layout {
  readonly places: readonly Place[];
  readonly orphans: readonly string[];
}

const longestTitle = 300;

/** A whole post, as the server takes it to show what becomes of it. */
export interface Whole {
  readonly title: string;
  readonly body: readonly unknown[];
  readonly link: string;
  readonly tags: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly replies: readonly (readonly unknown[])[];
}

/** `body`: the document's blocks, as accepted. */
export function layOut(body: readonly Node[], overlay: Overlay): Layout {
  const seen = new Set<string>();
  const places = body.map((block): Place => {
    const own = idOf(block);
    // Of two blocks with one id, which two people can make at once, the first has it.
    const id = own === null || seen.has(own) ? null : own;
    if (id !== null) seen.add(id);
    const override = id === null ? undefined : overlay.blocks.get(id);
    const unused = overlay.isOwn && override?.kind !== "adapted";
    const now = override ? baseOf(block) : "";
    const drifted = override !== undefined && !unused && now !== override.base;
    return {
      block,
      id,
      kind: unused ? "left out" : (override?.kind ?? "follows"),
      isUnused: unused,
      drift: drifted ? { was: override.base, now } : null,
    };
  });
  const orphans = [...overlay.blocks].filter(([id, { kind }]) => kind === "adapted" && !seen.has(id)).map(([id]) => id);
  return { places, orphans };
}

/** `textOf`: the blocks of one of the variant's own texts, by the name of its root. */
export function resolve(
  title: string,
  layout: Layout,
  overlay: Overlay,
  roots: { readonly start: string; readonly block: (id: string) => string; readonly reply: (id: string) => string },
  textOf: (root: string) => readonly Node[],
): Whole {
  const body = overlay.hasStart ? [...textOf(roots.start)] : [];
  for (const { kind, id, block } of layout.places) {
    if (kind === "follows") body.push(block);
    else if (kind === "adapted" && id !== null) body.push(...textOf(roots.block(id)));
  }
  return {
    title: title.trim().slice(0, longestTitle),
    body: body.map(described),
    link: overlay.link.trim(),
    tags: splitTags(overlay.tags),
    options: Object.fromEntries([...overlay.options].map(([name, words]) => [name, words.trim()])),
    replies: overlay.replies.map((id) => textOf(roots.reply(id)).map(described)),
  };
}
