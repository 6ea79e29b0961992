import { Fragment, type Node } from "@tiptap/pm/model";

const pendingMarks = new Set(["insertion", "deletion", "reformat"]);
const pendingAttributes = ["inserted", "deleted", "joined", "changed"];

/**
 * What is accepted of a node: null for one that is only suggested. server/documents/suggestions.py reads in the same
 * way what is signed and sent.
 */
export function acceptedBlock(node: Node): Node | null {
  if ((node.attrs["inserted"] ?? null) !== null) return null;
  if (node.isText) {
    if (node.marks.some((mark) => mark.type.name === "insertion")) return null;
    return node.mark(node.marks.filter((mark) => !pendingMarks.has(mark.type.name)));
  }
  const children = Fragment.fromArray(node.children.flatMap((child) => acceptedBlock(child) ?? []));
  if (!node.type.validContent(children)) return null;
  const attributes = { ...node.attrs };
  for (const name of pendingAttributes) if (name in attributes) attributes[name] = null;
  return node.type.create(attributes, children, node.marks);
}

/** A node as JSON without what says nothing to a reader: ids, and the empty places for suggestions. */
export function described(node: Node): unknown {
  return bare(node.toJSON());
}

function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (name !== "attrs") return [name, bare(each)];
      const kept = Object.entries(each as Record<string, unknown>).filter(
        ([attribute]) => attribute !== "id" && !pendingAttributes.includes(attribute),
      );
      return [name, Object.fromEntries(kept)];
    }),
  );
}
