import type { Extensions } from "@tiptap/core";
import Highlight from "@tiptap/extension-highlight";
import { TaskList } from "@tiptap/extension-list";
import { TableRow } from "@tiptap/extension-table";
import UniqueID, { type UniqueIDOptions } from "@tiptap/extension-unique-id";
import StarterKit from "@tiptap/starter-kit";
import { SuggestibleCode, SuggestibleCodeBlock, suggestionExtensions } from "../suggesting/marks";
import { BlockImage } from "./nodes/image";
import { SafeLink } from "./nodes/link";
import { DocumentOrderedList } from "./nodes/ordered-list";
import { DocumentTable, DocumentTableCell, DocumentTableHeader } from "./nodes/table";
import { DocumentTaskItem } from "./nodes/task-item";

/** Blocks that carry a stable id; rows and cells are found through their table. */
export const identifiedBlocks = [
  "paragraph",
  "heading",
  "bulletList",
  "orderedList",
  "listItem",
  "taskList",
  "taskItem",
  "blockquote",
  "codeBlock",
  "table",
  "horizontalRule",
  "image",
];

/**
 * Bullets, boxes and the line of a quote stand where their text begins: right of Arabic and Hebrew. Blocks without such
 * signs run in their own direction by the style sheet. server/documents/write_html.py says the same.
 */
const ownDirection = { dir: "auto" };

/** Without its round when a document is opened, which would write to it. A block without an id gets one with its first edit. */
const BlockIds = UniqueID.extend<UniqueIDOptions, { needsInitialIdGeneration: boolean }>({
  addProseMirrorPlugins() {
    const plugins = this.parent?.() ?? [];
    this.storage.needsInitialIdGeneration = false;
    return plugins;
  },
});

/**
 * Everything that decides what a document may contain. server/documents/schema.json is made from this, so a
 * change here is a change of the stored format. Nothing in it touches a browser when it is imported.
 */
export function documentExtensions(options: { writable: boolean }): Extensions {
  return [
    StarterKit.configure({
      heading: { levels: [1, 2, 3, 4] },
      link: false,
      code: false,
      codeBlock: false,
      orderedList: false,
      listItem: { HTMLAttributes: ownDirection },
      blockquote: { HTMLAttributes: ownDirection },
      underline: false,
      // Undo comes from Yjs, so that it takes back one's own edits only.
      undoRedo: false,
      // It would write to the document of everybody who merely opens it, once for each of them.
      trailingNode: false,
      dropcursor: { class: "drop-cursor", color: false, width: 3 },
    }),
    SuggestibleCode,
    SuggestibleCodeBlock,
    ...suggestionExtensions(identifiedBlocks),
    SafeLink,
    Highlight.configure({ multicolor: false }),
    DocumentOrderedList,
    TaskList,
    DocumentTaskItem.configure({ nested: true, HTMLAttributes: ownDirection }),
    DocumentTable.configure({ resizable: false }),
    TableRow,
    DocumentTableHeader,
    DocumentTableCell,
    BlockImage,
    BlockIds.configure({
      attributeName: "id",
      types: identifiedBlocks,
      generateID: () => crypto.randomUUID(),
      updateDocument: options.writable,
      filterTransaction: (transaction) => transaction.getMeta("y-sync$") === undefined,
    }),
  ];
}
