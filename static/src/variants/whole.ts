import type { Node, Schema } from "@tiptap/pm/model";
import type * as Y from "yjs";
import { titleText } from "../editor/title";
import { readOverlay, rootsOf, variantsOf } from "./overlay";
import { layOut, resolve, type Whole } from "./resolve";
import { readText } from "./variant";

/** The document's own blocks, as accepted. */
export function readBody(document: Y.Doc, schema: Schema): Node[] {
  return readText(document, "default", schema);
}

/** What an account would get now. `body`: as of `readBody`. */
export function wholeOf(document: Y.Doc, schema: Schema, account: string, body: readonly Node[]): Whole {
  const overlay = readOverlay(variantsOf(document), account);
  const roots = rootsOf(account);
  const title = overlay.hasTitle ? document.getText(roots.title) : titleText(document);
  return resolve(title?.toJSON() ?? "", layOut(body, overlay), overlay, roots, (root) => readText(document, root, schema));
}
