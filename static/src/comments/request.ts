import type { Editor } from "@tiptap/core";

/** What a comment is asked for: the place of a block, or null for what is selected. */
export interface CommentRequest {
  readonly block: number | null;
}

/** Tools of the editor ask for a comment by this event at the text; `detail` is a CommentRequest. */
export const commentEvent = "quillroom:comment";

/** Lets the person comment on what is selected, or on the block that begins at `block`. */
export function requestComment(editor: Editor, block: number | null = null): void {
  editor.view.dom.dispatchEvent(new CustomEvent<CommentRequest>(commentEvent, { detail: { block } }));
}

/** Whether the text that an editor shows can be commented on at all. */
export function takesComments(editor: Editor): boolean {
  return editor.extensionManager.extensions.some(({ name }) => name === "commentHighlights");
}
