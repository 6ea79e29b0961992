import type { Editor } from "@tiptap/core";
import { TextSelection } from "@tiptap/pm/state";

/** A click below the text goes on writing there; a new line is made only when the last block cannot take it. */
export function watchEmptySpace(editor: Editor, place: HTMLElement): void {
  place.addEventListener("mousedown", (event) => {
    if (!editor.isEditable || event.button !== 0 || !(event.target instanceof Element)) return;
    if (event.target !== place && event.target !== editor.view.dom) return;
    const { lastElementChild } = editor.view.dom;
    if (lastElementChild && event.clientY <= lastElementChild.getBoundingClientRect().bottom) return;
    event.preventDefault();
    const { state, view } = editor;
    const { tr, doc } = state;
    const paragraph = state.schema.nodes["paragraph"];
    if (paragraph && doc.lastChild?.type !== paragraph) tr.insert(doc.content.size, paragraph.create());
    view.dispatch(tr.setSelection(TextSelection.atEnd(tr.doc)).scrollIntoView());
    view.focus();
  });
}
