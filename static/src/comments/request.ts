import type { Editor } from "@tiptap/core";
import type { Person } from "./model";

/** What a comment is asked for: the place of a block, or null for what is selected; and whom it is to reach. */
export interface CommentRequest {
  readonly block: number | null;
  readonly to: Person | null;
}

/** Tools of the editor ask for a comment by this event at the text; `detail` is a CommentRequest. */
export const commentEvent = "quillroom:comment";

/** Lets the person comment on what is selected, or on the block that begins at `block`; `to` is mentioned in it. */
export function requestComment(editor: Editor, block: number | null = null, to: Person | null = null): void {
  editor.view.dom.dispatchEvent(new CustomEvent<CommentRequest>(commentEvent, { detail: { block, to } }));
}
