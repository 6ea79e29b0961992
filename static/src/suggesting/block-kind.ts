import type { Node } from "@tiptap/pm/model";

/** What a block of text is to a reader, as `BlockKind` names it; `around`: what it stands in, outermost first. */
export function kindOf(node: Node, around: readonly Node[]): string {
  if (node.type.name === "heading") return `heading${String(node.attrs["level"])}`;
  if (node.type.name === "codeBlock") return "codeBlock";
  for (const outer of [...around].reverse()) {
    if (outer.type.name === "taskItem" && outer.firstChild === node) {
      return outer.attrs["checked"] === true ? "taskListDone" : "taskList";
    }
    if (["bulletList", "orderedList", "taskList", "blockquote"].includes(outer.type.name)) return outer.type.name;
  }
  return node.type.name;
}
