import { Editor, Extension } from "@tiptap/core";
import { Placeholder } from "@tiptap/extensions";
import { remoteCarets } from "../editor/carets";
import { sharedText } from "../editor/shared-text";
import type { UploadTarget } from "../editor/upload";
import { say } from "../editor/words";
import { blocks, followLink, textAttributes, writingTools } from "../editor/writing";
import type { Session } from "../live/session";
import type { SharedUndo } from "./undo";

export interface TextOptions {
  readonly session: Session;
  readonly uploads: UploadTarget;
  readonly undo: SharedUndo;
  /** The name of the root in the shared document. */
  readonly root: string;
  /** What is read out for it. */
  readonly label: string;
  readonly placeholder: string;
  readonly isEditable: boolean;
  /** Out of the text by Escape. */
  readonly onLeave: () => void;
  /** As of `sharedText`. */
  readonly onStrangers: () => void;
}

/** Makes a live editor for one of the texts of a variant, in `host`. */
export function openText(host: HTMLElement, options: TextOptions): Editor {
  const { session, root } = options;
  const editor = new Editor({
    element: null,
    editable: options.isEditable,
    injectCSS: false,
    enableInputRules: true,
    enablePasteRules: true,
    extensions: [
      ...blocks(),
      sharedText(session.document, root, options.onStrangers, options.undo),
      remoteCarets(session.connection.awareness, (name) => typeof name === "string" && session.document.share.has(name)),
      Placeholder.configure({ placeholder: ({ editor: { isEmpty } }) => (isEmpty ? options.placeholder : "") }),
      ...writingTools(options.uploads),
      Extension.create({
        name: "wayOut",
        // After what closes its menus by the same key.
        priority: 10,
        addKeyboardShortcuts() {
          return {
            Escape: () => {
              options.onLeave();
              return true;
            },
          };
        },
      }),
    ],
    editorProps: {
      scrollThreshold: { top: 64, bottom: 64, left: 0, right: 0 },
      scrollMargin: { top: 72, bottom: 72, left: 5, right: 5 },
      attributes: textAttributes(options.label),
      handleClick: (view, _position, event) => followLink(view, event),
    },
  });
  editor.mount(host);
  return editor;
}

/** The words that stand for a text where there is no room for it. */
export function shortWords(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  if (line === "") return say("variant.empty");
  if (line.length <= 60) return line;
  // Half a sign is none.
  return `${line.slice(0, 59).replace(/[\ud800-\udbff]$/, "").trimEnd()}…`;
}
