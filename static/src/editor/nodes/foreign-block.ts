import { mergeAttributes, Node } from "@tiptap/core";
import { NodeSelection, Plugin } from "@tiptap/pm/state";
import { say } from "../words";

export const foreignBlockName = "foreignBlock";

/**
 * Stands in this window for a block of the shared document that the schema has no place for: its words can be read,
 * and it can be moved past and deleted. It is never written to a document, so it is no part of the schema.
 */
export const ForeignBlock = Node.create({
  name: foreignBlockName,
  group: "block",
  atom: true,
  draggable: false,

  addAttributes() {
    return { text: { default: "", rendered: false } };
  },

  renderHTML({ node, HTMLAttributes }) {
    const text = String(node.attrs["text"]);
    return [
      "div",
      mergeAttributes(HTMLAttributes, { class: "foreign-block", "data-foreign-block": "" }),
      ["p", { class: "foreign-note" }, say("foreign.note")],
      ...(text === "" ? [] : [["p", {}, text] as const]),
    ];
  },

  renderText: ({ node }) => String(node.attrs["text"]),

  addProseMirrorPlugins() {
    return [
      new Plugin({
        props: {
          // It goes by Delete. A letter that was meant for elsewhere does not take its place.
          handleTextInput: ({ state: { selection } }) =>
            selection instanceof NodeSelection && selection.node.type.name === foreignBlockName,
        },
      }),
    ];
  },
});
