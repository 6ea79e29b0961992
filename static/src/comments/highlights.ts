import { Extension } from "@tiptap/core";
import { type EditorState, Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type { Located } from "./places";

export interface Highlight extends Located {
  readonly id: string;
  readonly resolved: boolean;
  readonly active: boolean;
}

interface Shown {
  readonly highlights: readonly Highlight[];
  readonly decorations: DecorationSet;
}

const key = new PluginKey<Shown>("comments");

function draw(state: EditorState, highlights: readonly Highlight[]): Shown {
  const decorations = highlights.map(({ id, from, to, block, resolved, active }) => {
    const attributes = {
      class: `comment-mark${resolved ? " is-resolved" : ""}${active ? " is-active" : ""}${block ? " is-block" : ""}`,
      "data-thread": id,
    };
    return block ? Decoration.node(from, to, attributes) : Decoration.inline(from, to, attributes);
  });
  return { highlights, decorations: DecorationSet.create(state.doc, decorations) };
}

/** Sets what is highlighted from now on; between two such words the marks move along with the text. */
export function highlight(state: EditorState, highlights: readonly Highlight[]) {
  return state.tr.setMeta(key, highlights).setMeta("addToHistory", false);
}

/** What is highlighted, the innermost place last. */
export function highlights(state: EditorState): readonly Highlight[] {
  return key.getState(state)?.highlights ?? [];
}

/** Marks what is commented. The marks are drawn over the text and are no part of it. */
export const commentHighlights = Extension.create({
  name: "commentHighlights",
  addProseMirrorPlugins() {
    return [
      new Plugin<Shown>({
        key,
        state: {
          init: () => ({ highlights: [], decorations: DecorationSet.empty }),
          apply: (transaction, shown, _before, state) => {
            const set = transaction.getMeta(key) as readonly Highlight[] | undefined;
            if (set) return draw(state, set);
            if (!transaction.docChanged || shown.highlights.length === 0) return shown;
            const moved = shown.highlights
              .map((each) => ({
                ...each,
                from: transaction.mapping.map(each.from, 1),
                to: transaction.mapping.map(each.to, -1),
              }))
              .filter(({ from, to }) => from < to);
            return { highlights: moved, decorations: shown.decorations.map(transaction.mapping, transaction.doc) };
          },
        },
        props: { decorations: (state) => key.getState(state)?.decorations },
      }),
    ];
  },
});
