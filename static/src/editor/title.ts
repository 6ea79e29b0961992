import * as Y from "yjs";
import { bindTextField } from "./text-field";

const typedHere = Symbol("title");

/** The title of the document: made by the server when it seeds the document, never here. */
export function titleText(document: Y.Doc): Y.Text | null {
  const title: unknown = document.getMap("meta").get("title");
  return title instanceof Y.Text && !(title instanceof Y.XmlText) ? title : null;
}

export interface TitleOptions {
  readonly field: HTMLTextAreaElement;
  readonly text: Y.Text;
  readonly untitled: string;
  readonly productName: string;
  readonly onLeave: () => void;
}

/** Ties the title field to the shared text, with an undo of one's own edits. Returns what unties it. */
export function bindTitle({ field, text, untitled, productName, onLeave }: TitleOptions): () => void {
  const undo = new Y.UndoManager(text, { trackedOrigins: new Set([typedHere]) });
  const untie = bindTextField({
    field,
    text,
    origin: typedHere,
    undo,
    onLeave,
    onChange: () => {
      document.title = `${text.toJSON().trim() || untitled} · ${productName}`;
    },
  });
  return () => {
    untie();
    undo.destroy();
  };
}
