import Collaboration from "@tiptap/extension-collaboration";
import { Fragment, type Node, Slice } from "@tiptap/pm/model";
import { AllSelection, NodeSelection, Plugin, Selection, TextSelection, type Transaction } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import {
  findAbsolutePositionAfterStructuralChange,
  getRelativeSelection,
  isMisresolvedAfterStructuralChange,
  type ProsemirrorBinding,
  relativePositionToAbsolutePosition,
  updateYFragment,
  ySyncPluginKey,
  yUndoPluginKey,
} from "@tiptap/y-tiptap";
import * as Y from "yjs";
import { keepsForeign, stepsAround } from "./foreign-guard";
import { readBlocks, removeEmptied, strangersIn } from "./reading";
import { updateTexts } from "./update-texts";

type KeptSelection = ReturnType<typeof getRelativeSelection>;

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

interface Change {
  readonly binding: ProsemirrorBinding;
  readonly before: Node;
  readonly after: Node;
  /** A selection kept for an undo is of another time: its plain offsets mean nothing in `before`. */
  readonly undone: boolean;
}

/**
 * Where an end of the selection is after a change. Where the text still stands, Yjs knows the place exactly; only
 * for text that was taken out and put back elsewhere (a block that was moved) is a guess by its words better.
 */
function placeAfter(change: Change, position: Y.RelativePosition | null, offset: number): number | null {
  const { binding, before, after, undone } = change;
  const place =
    position === null ? null : relativePositionToAbsolutePosition(binding.doc, binding.type, position, binding.mapping);
  const size = after.content.size;
  const inside = place === null ? null : Math.min(Math.max(place, 0), size);
  if (undone || offset > before.content.size || (inside !== null && stands(position, binding.doc))) return inside;
  const sure =
    inside !== null &&
    !(offset > 1 && inside <= 1) &&
    !isMisresolvedAfterStructuralChange(before, after, offset, inside);
  return sure ? inside : (findAbsolutePositionAfterStructuralChange(before, after, offset) ?? inside);
}

function restoreSelection(transaction: Transaction, kept: KeptSelection, change: Change): void {
  const { after } = change;
  if (kept.type === "all") {
    transaction.setSelection(new AllSelection(after));
    return;
  }
  const anchor = placeAfter(change, kept.anchor as Y.RelativePosition | null, kept.absAnchor);
  if (kept.type === "node") {
    if (anchor === null) return;
    const $anchor = after.resolve(anchor);
    const node = $anchor.nodeAfter;
    const selectable = node !== null && !node.isText && NodeSelection.isSelectable(node);
    transaction.setSelection(selectable ? NodeSelection.create(after, anchor) : Selection.near($anchor));
    return;
  }
  const head = placeAfter(change, kept.head as Y.RelativePosition | null, kept.absHead);
  const from = anchor ?? head;
  const to = head ?? anchor;
  if (from === null || to === null) return;
  transaction.setSelection(TextSelection.between(after.resolve(from), after.resolve(to)));
}

/** Puts what the document holds into the view. Returns null when there is something among its blocks that is none. */
function redraw(binding: ProsemirrorBinding, view: EditorView): Transaction | null {
  if (strangersIn(binding.type).length > 0) return null;
  const { state } = view;
  const blocks = readBlocks(binding.type, state.schema, binding.mapping);
  const transaction = state.tr.setMeta("addToHistory", false);
  return transaction.replace(0, state.doc.content.size, new Slice(Fragment.from(blocks), 0, 0));
}

/**
 * Makes the binding between the editor and the shared document keep what it cannot show. Left to itself
 * (y-tiptap 3.0.9) it deletes from the shared document, as soon as anybody opens the page, each block that does not
 * fit the schema, and throws on what is no block. It also takes a block whose text somebody else has changed for one
 * that was moved, and puts the caret at its old offset. See docs/adr/0006.
 */
function keepWhatIsForeign(binding: ProsemirrorBinding, onStrangers: () => void): void {
  const viewOf = () => binding.prosemirrorView as EditorView | null;
  const give = (transaction: Transaction | null, view: EditorView, meta: object) => {
    if (transaction !== null) {
      view.dispatch(transaction.setMeta(ySyncPluginKey, { isChangeOrigin: true, ...meta }));
      return;
    }
    // From here on the page would write an old text over the new one, and lose its way among things without a place.
    binding.destroy();
    onStrangers();
  };

  binding._forceRerender = () => {
    const view = viewOf();
    if (view === null) return;
    binding.mux(() => {
      const { selection } = view.state;
      const transaction = redraw(binding, view);
      if (transaction !== null && (binding.beforeTransactionSelection as KeptSelection | null) === null) {
        const place = (offset: number) => transaction.doc.resolve(Math.min(offset, transaction.doc.content.size));
        transaction.setSelection(TextSelection.between(place(selection.anchor), place(selection.head)));
      }
      give(transaction, view, { binding });
    });
  };

  binding._typeChanged = (_events, { origin }) => {
    const view = viewOf();
    if (view === null) return;
    binding.mux(() => {
      const before = view.state.doc;
      const undone = origin instanceof Y.UndoManager;
      const kept = binding.beforeTransactionSelection as KeptSelection | null;
      const transaction = redraw(binding, view);
      if (transaction !== null && kept !== null) {
        restoreSelection(transaction, kept, { binding, before, after: transaction.doc, undone });
        if (binding._isLocalCursorInView()) transaction.scrollIntoView();
      }
      give(transaction, view, { isUndoRedoOperation: undone });
    });
  };
  binding._observeFunction = (events: Y.YEvent<Y.XmlFragment>[], transaction: Y.Transaction) => {
    binding._typeChanged(events, transaction);
  };

  binding._prosemirrorChanged = (document) => {
    const view = viewOf();
    if (view === null) return;
    binding.doc.transact(() => {
      removeEmptied(binding.type, binding.mapping);
      updateTexts(binding, document);
      const before = (binding.type.toArray() as Y.XmlElement[])
        .map((element) => binding.mapping.get(element))
        .filter((node): node is Node => node !== undefined && !Array.isArray(node));
      for (const blocks of stepsAround(before, document.children)) {
        updateYFragment(binding.doc, binding.type, document.type.create(null, blocks), binding);
      }
      binding.mapping.set(binding.type, document);
      binding.beforeTransactionSelection = getRelativeSelection(binding, view.state);
    }, ySyncPluginKey);
  };
}

/**
 * Keeps, for the next step of undo, where the selection was before the change that is being written. The binding
 * itself asks again after each transaction of a change, when the text is ahead of the shared document.
 */
function selectionBeforeChanges(binding: ProsemirrorBinding): { first: Plugin; last: Plugin } {
  let before: KeptSelection | null = null;
  const first = new Plugin({
    view: () => ({
      update: (view, state) => {
        const { isChangeOrigin } = ySyncPluginKey.getState(view.state) as { isChangeOrigin: boolean };
        const bound = (binding.prosemirrorView as EditorView | null) !== null;
        before = bound && !isChangeOrigin ? getRelativeSelection(binding, state) : null;
      },
    }),
  });
  const last = new Plugin({
    view: (view) => {
      const { undoManager } = yUndoPluginKey.getState(view.state) as { undoManager: Y.UndoManager };
      const keep = ({ stackItem, type }: { stackItem: { meta: Map<unknown, unknown> }; type: string }) => {
        if (before !== null && type === "undo") stackItem.meta.set(binding, before);
      };
      undoManager.on("stack-item-added", keep);
      return {
        destroy: () => {
          undoManager.off("stack-item-added", keep);
        },
      };
    },
  });
  return { first, last };
}

/**
 * Ties the editor to the shared text. `onStrangers` is called, and the tie is cut, when something comes in among
 * the blocks that has no place in a text at all. `undo`: for several texts that are undone as one; each has its own
 * otherwise.
 */
export function sharedText(document: Y.Doc, field: string, onStrangers: () => void, undo?: Y.UndoManager) {
  return Collaboration.extend({
    addProseMirrorPlugins() {
      const plugins = this.parent?.() ?? [];
      const sync = plugins.find((plugin) => plugin.spec.key === ySyncPluginKey);
      const { binding } = sync?.spec.state?.init({}, this.editor.state) as { binding: ProsemirrorBinding };
      keepWhatIsForeign(binding, onStrangers);
      const guard = new Plugin({
        filterTransaction: (transaction, state) =>
          !transaction.docChanged ||
          transaction.getMeta(ySyncPluginKey) !== undefined ||
          keepsForeign(state.doc, transaction.doc),
      });
      const { first, last } = selectionBeforeChanges(binding);
      return [guard, first, ...plugins, last];
    },
  }).configure({ document, field, ...(undo && { yUndoOptions: { undoManager: undo } }) });
}
