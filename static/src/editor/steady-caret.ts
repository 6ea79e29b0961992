import { Extension } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";
import { type ProsemirrorBinding, ySyncPluginKey } from "@tiptap/y-tiptap";
import * as Y from "yjs";

/** The caret as the binding keeps it over a change: where it is in Yjs, and what offset it had in the old text. */
interface KeptSelection {
  readonly anchor: Y.RelativePosition | null;
  readonly head: Y.RelativePosition | null;
  readonly absAnchor: number;
  readonly absHead: number;
}

/** Is the text that a relative position points into still in the document? */
export function stands(position: Y.RelativePosition | null, document: Y.Doc): boolean {
  if (position === null) return false;
  let type: unknown = Y.createAbsolutePositionFromRelativePosition(position, document)?.type;
  while (type instanceof Y.AbstractType) {
    const item = type._item;
    if (item === null) return true;
    if (item.deleted) return false;
    type = item.parent;
  }
  return false;
}

function trusting(selection: KeptSelection, document: Y.Doc): object {
  const { anchor, head, absAnchor, absHead } = selection;
  return {
    ...selection,
    get absAnchor() {
      return stands(anchor, document) ? null : absAnchor;
    },
    get absHead() {
      return stands(head, document) ? null : absHead;
    },
  };
}

/**
 * Keeps the caret between its letters while somebody else writes in the same block. The binding (y-tiptap 3.0.7 to
 * 3.0.9) takes a block whose text has changed for one that was moved, finds it again by its id and puts the caret at its
 * old offset: every letter that another person writes before it then pushes one's own into the wrong place. Where
 * the text still stands, Yjs knows the place exactly; only for text that was taken out and put back elsewhere is
 * the guess of the binding better. It makes that guess from `absAnchor` and `absHead`, if there are any.
 */
export const steadyCaret = Extension.create({
  name: "steadyCaret",
  // After the collaboration extension, whose plugin makes the binding.
  priority: 50,
  addProseMirrorPlugins() {
    return [
      new Plugin({
        view: (view) => {
          const state = ySyncPluginKey.getState(view.state) as { binding: ProsemirrorBinding } | undefined;
          if (state === undefined) throw new Error("The text is not bound to a document.");
          const { binding } = state;
          let held: object | null = binding.beforeTransactionSelection;
          Object.defineProperty(binding, "beforeTransactionSelection", {
            configurable: true,
            get: () => held,
            set: (selection: KeptSelection | null) => {
              held = selection === null ? null : trusting(selection, binding.doc);
            },
          });
          return {};
        },
      }),
    ];
  },
});
