import type { Editor } from "@tiptap/core";

/** Tools of the editor ask for a comment by this event at the text; `detail` is the place of a block, or null. */
export const commentEvent = "quillroom:comment";

/** Lets the person comment on what is selected, or on the block that begins at `block`. */
export function requestComment(editor: Editor, block: number | null = null): void {
  editor.view.dom.dispatchEvent(new CustomEvent<number | null>(commentEvent, { detail: block }));
}
