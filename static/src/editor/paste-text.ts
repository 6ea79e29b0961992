import { Extension } from "@tiptap/core";
import type { Slice } from "@tiptap/pm/model";
import { Plugin, TextSelection, type Transaction } from "@tiptap/pm/state";
import { looksLikeMarkdown, markdownToHtml } from "./markdown";
import { beginUndoStep } from "./undo-step";

/** Puts plain text in the place of the selection, without the rules that make marks and links of what is pasted. */
function replaceByText(transaction: Transaction, slice: Slice): Transaction {
  return transaction.replaceSelection(slice).setMeta("preventAutolink", true).scrollIntoView();
}

/** Is the plain text all that is meant? An editor for programs adds HTML only for the colours of the source. */
function isTextAlone(data: DataTransfer): boolean {
  const isSource = /"mode"\s*:\s*"markdown"/.test(data.getData("vscode-editor-data"));
  return data.files.length === 0 && (isSource || !data.types.includes("text/html"));
}

/**
 * Plain text from the clipboard: Markdown becomes blocks, in a step of its own, so that one undo gives back the text
 * as it was typed. With Shift (Mod+Shift+V) all of it stays text.
 */
export const pasteText = Extension.create({
  name: "pasteText",
  // Before the rules for pasted addresses and marks.
  priority: 1000,

  addProseMirrorPlugins() {
    const { editor } = this;
    let shift = false;
    return [
      new Plugin({
        props: {
          handleDOMEvents: {
            keydown: (_view, event) => {
              // Shift+Insert is the old way to paste as usual.
              shift = event.shiftKey && event.key !== "Insert";
              return false;
            },
            keyup: (_view, event) => {
              if (event.key === "Shift") shift = false;
              return false;
            },
          },
          handlePaste: (view, event, slice) => {
            const { clipboardData } = event;
            const text = clipboardData?.getData("text/plain") ?? "";
            const { state } = view;
            const { selection } = state;
            if (text === "" || clipboardData === null || selection.$from.parent.type.spec.code) return false;
            if (shift) {
              view.dispatch(replaceByText(state.tr, slice));
              return true;
            }
            if (!isTextAlone(clipboardData) || !looksLikeMarkdown(text)) return false;
            const html = markdownToHtml(text);
            beginUndoStep(editor);
            const { from, to } = selection;
            const asTyped = replaceByText(state.tr, slice);
            const { doc } = asTyped;
            const end = doc.resolve(asTyped.mapping.map(to));
            view.dispatch(asTyped.setSelection(TextSelection.between(doc.resolve(from), end)));
            beginUndoStep(editor);
            view.pasteHTML(html);
            beginUndoStep(editor);
            return true;
          },
        },
      }),
    ];
  },
});
