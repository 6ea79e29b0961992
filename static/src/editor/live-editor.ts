import { Editor, Extension } from "@tiptap/core";
import { Placeholder } from "@tiptap/extensions";
import { commentHighlights } from "../comments/highlights";
import type { Session } from "../live/session";
import { type Modes, suggesting } from "../suggesting/modes";
import { blockHandle } from "./block-handle";
import { remoteCarets } from "./carets";
import type { Page } from "./page";
import { sharedText } from "./shared-text";
import { say } from "./words";
import { blocks, followLink, textAttributes, writingTools } from "./writing";

/** From the start of the first line, the way up leads to the title. */
function wayToTitle(field: HTMLTextAreaElement): Extension {
  return Extension.create({
    name: "wayToTitle",
    addKeyboardShortcuts() {
      const leave = () => {
        const { selection, doc } = this.editor.state;
        if (!selection.empty || selection.from > 1 || doc.firstChild?.isTextblock !== true) return false;
        field.focus();
        field.setSelectionRange(field.value.length, field.value.length);
        return true;
      };
      return { ArrowUp: leave };
    },
  });
}

/** Makes the live editor. It is not in the page yet. `onStrangers`: as of `sharedText`. */
export function createEditor(page: Page, session: Session, modes: Modes, onStrangers: () => void): Editor {
  return new Editor({
    element: null,
    editable: session.rights !== "readonly" && modes.mode !== "viewing",
    // The page's policy forbids style elements; what Tiptap would add stands in editor.css.
    injectCSS: false,
    enableInputRules: true,
    enablePasteRules: true,
    extensions: [
      ...blocks(),
      sharedText(session.document, "default", onStrangers),
      remoteCarets(session.connection.awareness),
      commentHighlights,
      suggesting(modes),
      Placeholder.configure({
        placeholder: ({ editor, node }) => {
          if (editor.isEmpty) return say("placeholder.empty");
          if (node.type.name === "heading") return say("placeholder.heading");
          return node.type.name === "paragraph" ? say("placeholder.line") : "";
        },
      }),
      ...writingTools(page.uploads),
      blockHandle(page.content),
      wayToTitle(page.title),
    ],
    editorProps: {
      // The header lies over the top of the text, and on a phone the bar over its bottom.
      scrollThreshold: { top: 64, bottom: 64, left: 0, right: 0 },
      scrollMargin: { top: 72, bottom: 72, left: 5, right: 5 },
      attributes: textAttributes(say("editor.label")),
      handleClick: (view, _position, event) => followLink(view, event),
    },
  });
}

/**
 * Puts the live editor where the server's text stands. Both are drawn by the same style sheet from the same
 * blocks, so nothing moves; the place on the page is kept for the case that the text has changed meanwhile.
 */
export function takeOver(page: Page, editor: Editor): void {
  const { scrollX, scrollY } = window;
  const host = document.createElement("div");
  editor.mount(host);
  const { dom } = editor.view;
  page.serverText.replaceWith(dom);
  page.content.dataset["live"] = "true";
  window.scrollTo(scrollX, scrollY);
}

/** Leaves a picture of the text where the editor was: to be read, not to be written in. */
export function standStill(page: Page, editor: Editor): void {
  const { dom } = editor.view;
  const still = dom.cloneNode(true) as HTMLElement;
  still.removeAttribute("contenteditable");
  for (const caret of still.querySelectorAll(".caret")) caret.remove();
  dom.before(still);
  // Taken out of the page first, it would still hear that it lost the focus, and look for its caret.
  editor.destroy();
  dom.remove();
  page.content.dataset["live"] = "false";
  page.content.dataset["editable"] = "false";
  page.title.readOnly = true;
}
