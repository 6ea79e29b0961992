import { Extension, type Extensions } from "@tiptap/core";
import type { EditorView } from "@tiptap/pm/view";
import { imageToolbar } from "./image-toolbar";
import { imageUploads } from "./image-uploads";
import { linkCard } from "./link-card";
import { openLinkEditor } from "./link-editor";
import { ForeignBlock } from "./nodes/foreign-block";
import { pasteText } from "./paste-text";
import { phoneBar } from "./phone-bar";
import { documentExtensions } from "./schema";
import { selectionToolbar } from "./selection-toolbar";
import { slashMenu } from "./slash-menu";
import { tableToolbar } from "./table-toolbar";
import type { UploadTarget } from "./upload";

const linkKey = Extension.create({
  name: "linkKey",
  addKeyboardShortcuts() {
    return {
      "Mod-k": () => {
        openLinkEditor(this.editor);
        return true;
      },
    };
  },
});

/** What a text may contain, before all else. */
export function blocks(): Extensions {
  return [...documentExtensions({ writable: true }), ForeignBlock];
}

/** What every text is written with, wherever it stands; after what ties it to its document. */
export function writingTools(uploads: UploadTarget): Extensions {
  return [
    slashMenu,
    selectionToolbar,
    linkCard,
    tableToolbar,
    imageToolbar,
    phoneBar,
    imageUploads(uploads),
    pasteText,
    linkKey,
  ];
}

/**
 * While writing, a click sets the caret, and a card shows where the link leads; with the modifier it follows the link.
 * Who only reads has the browser's own links.
 */
export function followLink(view: EditorView, event: MouseEvent): boolean {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || !view.editable || !(event.ctrlKey || event.metaKey)) return false;
  window.open(link.href, "_blank", "noopener,noreferrer");
  return true;
}

/** What the element of a text says of itself. */
export function textAttributes(label: string): Record<string, string> {
  return { class: "prose-body", role: "textbox", "aria-multiline": "true", "aria-label": label, spellcheck: "true" };
}
