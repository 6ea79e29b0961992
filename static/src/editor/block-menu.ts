import type { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { TextSelection } from "@tiptap/pm/state";
import { requestComment, takesComments } from "../comments/request";
import { blockWithId, type BlockPlace, deleteBlock, duplicateBlock, moveBlock } from "./block-actions";
import { blockKinds } from "./block-kinds";
import { isForeign } from "./foreign-guard";
import { keyName } from "./key-names";
import { type MenuGroup, openMenu } from "./popup-menu";
import { beginUndoStep } from "./undo-step";
import { say } from "./words";

/** Where a block is by now: found by its id, or, if it has none, as long as nobody changed it. */
export function placeOfBlock(document: Node, block: Node): BlockPlace | null {
  const id: unknown = block.attrs["id"];
  if (typeof id === "string") return blockWithId(document, id);
  let found: BlockPlace | null = null;
  document.forEach((node, offset) => {
    if (node === block) found = { from: offset, node };
  });
  return found;
}

/** Opens the menu of what can be done with a block of the document. */
export function openBlockMenu(editor: Editor, trigger: HTMLElement, block: Node, onClose: () => void): void {
  // What the menu does looks for the block again: others may have moved it meanwhile.
  const onPlace = (act: (place: BlockPlace) => void) => () => {
    const now = placeOfBlock(editor.state.doc, block);
    if (!now || !editor.isEditable) return;
    // At once: a phone shows its keyboard only for a focus that comes with the touch, and no letter may be lost.
    editor.view.focus();
    beginUndoStep(editor);
    act(now);
  };
  const move = (up: boolean) =>
    onPlace((now) => {
      const moved = moveBlock(editor.state, now, up);
      if (moved) editor.view.dispatch(moved);
      editor.commands.focus(undefined, { scrollIntoView: false });
    });
  const duplicate = onPlace((now) => {
    duplicateBlock(editor, now);
    editor.commands.focus(undefined, { scrollIntoView: false });
  });
  const remove = onPlace((now) => {
    deleteBlock(editor, now);
    editor.commands.focus();
  });
  const groups: MenuGroup[] = [];
  if (block.isTextblock || /List$|^blockquote$/.test(block.type.name)) {
    groups.push({
      label: say("handle.turnInto"),
      items: blockKinds
        .filter((kind) => kind.turnInto)
        .map((kind) => ({
          name: `turn-${kind.name}`,
          label: say(`block.${kind.name}`),
          icon: kind.icon,
          run: onPlace((now) => {
            const { doc, tr } = editor.state;
            const end = now.from + now.node.nodeSize;
            const inner = TextSelection.between(doc.resolve(now.from + 1), doc.resolve(end - 1));
            editor.view.dispatch(tr.setSelection(inner));
            kind.apply(editor, null);
            editor.commands.setTextSelection(editor.state.selection.to);
          }),
        })),
    });
  }
  const comment = {
    name: "comment",
    label: say("tool.comment"),
    icon: "comment",
    run: () => {
      const now = placeOfBlock(editor.state.doc, block);
      if (now) requestComment(editor, now.from);
    },
  };
  groups.push({
    label: say("handle.block"),
    items: [
      ...(takesComments(editor) ? [comment] : []),
      { name: "move-up", label: say("handle.up"), icon: "up", keys: keyName("Mod+Alt+↑"), run: move(true) },
      { name: "move-down", label: say("handle.down"), icon: "down", keys: keyName("Mod+Alt+↓"), run: move(false) },
      ...(isForeign(block)
        ? []
        : [{ name: "duplicate", label: say("handle.duplicate"), icon: "duplicate", run: duplicate }]),
      { name: "delete", label: say("handle.delete"), icon: "trash", run: remove },
    ],
  });
  openMenu(trigger, say("handle.label"), groups, onClose);
}
