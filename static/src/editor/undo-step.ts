import type { Editor } from "@tiptap/core";
import { yUndoPluginKey } from "@tiptap/y-tiptap";
import type { UndoManager } from "yjs";

/** What is done to a whole block is a step of undo by itself, however soon it follows on typing. */
export function beginUndoStep(editor: Editor): void {
  const { undoManager } = yUndoPluginKey.getState(editor.state) as { undoManager: UndoManager };
  undoManager.stopCapturing();
}
