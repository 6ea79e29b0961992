import type { Node } from "@tiptap/pm/model";
import { Plugin } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { insertionOf } from "./authorship";
import { lineBreak, paragraphBreak } from "./track";

function decorate(document: Node): DecorationSet {
  const decorations: Decoration[] = [];
  document.descendants((node, position) => {
    if (!node.isText || insertionOf(node) === null) return;
    const text = node.text ?? "";
    for (let at = 0; at < text.length; at += 1) {
      if (text[at] !== paragraphBreak && text[at] !== lineBreak) continue;
      const line = text[at] === lineBreak ? { "data-line": "" } : {};
      decorations.push(Decoration.inline(position + at, position + at + 1, { class: "suggested-break", ...line }));
    }
  });
  return DecorationSet.create(document, decorations);
}

/** Draws the breaks that are suggested inside of a text. */
export function suggestedBreaks(): Plugin<DecorationSet> {
  const plugin: Plugin<DecorationSet> = new Plugin<DecorationSet>({
    state: {
      init: (_config, state) => decorate(state.doc),
      apply: (transaction, drawn) => (transaction.docChanged ? decorate(transaction.doc) : drawn),
    },
    props: {
      decorations: (state) => plugin.getState(state),
    },
  });
  return plugin;
}
