import type { Editor, JSONContent } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { NodeSelection, TextSelection, type EditorState, type Transaction } from "@tiptap/pm/state";

/** A block that can be moved by itself: a child of the document, or one item of a list. */
export interface BlockPlace {
  readonly from: number;
  readonly node: Node;
}

const items = new Set(["listItem", "taskItem"]);

/** The blocks around the selection that can be moved, the innermost first: a list item, then its list. */
export function blocksAround(state: EditorState): BlockPlace[] {
  const { selection } = state;
  if (selection instanceof NodeSelection && selection.$from.depth === 0) {
    return [{ from: selection.from, node: selection.node }];
  }
  const { $from } = selection;
  const found: BlockPlace[] = [];
  for (let depth = $from.depth; depth > 0; depth -= 1) {
    const node = $from.node(depth);
    if (depth === 1 || items.has(node.type.name)) found.push({ from: $from.before(depth), node });
  }
  return found;
}

/** The child of the document that carries this id, wherever it is by now. */
export function blockWithId(document: Node, id: string): BlockPlace | null {
  let found: BlockPlace | null = null;
  document.forEach((node, offset) => {
    if (node.attrs["id"] === id) found = { from: offset, node };
  });
  return found;
}

/** Moves a block past its neighbour, the selection with it. Null when there is no neighbour on that side. */
export function moveBlock(state: EditorState, place: BlockPlace, up: boolean): Transaction | null {
  const { from, node } = place;
  const $from = state.doc.resolve(from);
  const index = $from.index();
  const parent = $from.parent;
  const other = up ? (index > 0 ? parent.child(index - 1) : null) : parent.maybeChild(index + 1);
  if (!other) return null;
  const to = up ? from - other.nodeSize : from + node.nodeSize + other.nodeSize;
  return moveBlockTo(state, place, to)?.scrollIntoView() ?? null;
}

/** Moves a block to a gap among its neighbours, the selection with it. Null when it is there already. */
export function moveBlockTo(state: EditorState, { from, node }: BlockPlace, gap: number): Transaction | null {
  if (gap >= from && gap <= from + node.nodeSize) return null;
  const { selection } = state;
  const to = gap < from ? gap : gap - node.nodeSize;
  const transaction = state.tr.delete(from, from + node.nodeSize).insert(to, node);
  const inside = selection.from >= from && selection.to <= from + node.nodeSize;
  if (inside && selection instanceof TextSelection) {
    const shift = to - from;
    transaction.setSelection(TextSelection.create(transaction.doc, selection.anchor + shift, selection.head + shift));
  } else if (inside && selection instanceof NodeSelection && selection.from === from) {
    transaction.setSelection(NodeSelection.create(transaction.doc, to));
  }
  return transaction;
}

/** A copy has to get ids of its own. */
function withoutIds(content: JSONContent): JSONContent {
  return {
    ...content,
    ...(content.attrs && "id" in content.attrs ? { attrs: { ...content.attrs, id: null } } : {}),
    ...(content.content ? { content: content.content.map(withoutIds) } : {}),
  };
}

export function duplicateBlock(editor: Editor, place: BlockPlace): void {
  const copy = editor.schema.nodeFromJSON(withoutIds(place.node.toJSON() as JSONContent));
  editor.view.dispatch(editor.state.tr.insert(place.from + place.node.nodeSize, copy).scrollIntoView());
}

export function deleteBlock(editor: Editor, place: BlockPlace): void {
  const { tr } = editor.state;
  const end = place.from + place.node.nodeSize;
  // A document is never without a block.
  if (editor.state.doc.childCount === 1 && editor.state.doc.firstChild === place.node) {
    const paragraph = editor.schema.nodes["paragraph"]?.create();
    if (paragraph) tr.replaceWith(place.from, end, paragraph);
  } else {
    tr.delete(place.from, end);
  }
  tr.setSelection(TextSelection.near(tr.doc.resolve(Math.min(place.from, tr.doc.content.size))));
  editor.view.dispatch(tr.scrollIntoView());
}
