import type { Mark, Node } from "@tiptap/pm/model";
import type { Authorship } from "./marks";

/** Somebody's suggestion: an id counts only together with its author, so that nobody's can pass for another's. */
export function keyOf({ by, id }: Authorship): string {
  return `${by}/${id}`;
}

export function ofMark(mark: Mark | null | undefined): Authorship | null {
  if (!mark) return null;
  const { id, by, at } = mark.attrs;
  return { id: String(id), by: String(by), at: Number(at) };
}

/** Reads `id by at`, as an attribute of a block holds it; what stands behind is in `rest`. */
export function ofWord(word: unknown): (Authorship & { readonly rest: string }) | null {
  if (typeof word !== "string") return null;
  const [id, by, at, ...rest] = word.split(" ");
  if (id === undefined || by === undefined || at === undefined) return null;
  return { id, by, at: Number(at), rest: rest.join(" ") };
}

export function asWord({ id, by, at }: Authorship, rest = ""): string {
  return [id, by, String(at), ...(rest === "" ? [] : [rest])].join(" ");
}

export function insertionOf(node: Node | null | undefined): Authorship | null {
  return ofMark(node?.marks.find(({ type }) => type.name === "insertion"));
}

export function deletionOf(node: Node | null | undefined): Authorship | null {
  return ofMark(node?.marks.find(({ type }) => type.name === "deletion"));
}

/** Is a position inside a block that this person suggests? All in it is theirs. */
export function isInOwnBlock(document: Node, from: number, to: number, person: string): boolean {
  const $from = document.resolve(from);
  const depth = $from.sharedDepth(to);
  for (let at = depth; at > 0; at -= 1) if (ofWord($from.node(at).attrs["inserted"])?.by === person) return true;
  return false;
}
