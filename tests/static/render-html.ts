import { getSchema, type JSONContent } from "@tiptap/core";
import { DOMSerializer, Fragment, Node } from "@tiptap/pm/model";
import * as Y from "yjs";
import { ForeignBlock } from "../../static/src/editor/nodes/foreign-block";
import { readBlocks } from "../../static/src/editor/reading";
import { documentExtensions } from "../../static/src/editor/schema";

/** As much of a document as the editor's own serializer asks for, so that no browser is needed. */
class Piece {
  readonly #attributes = new Map<string, string>();
  readonly #children: (Piece | string)[] = [];

  constructor(readonly tag: string | null) {}

  readonly nodeType = 1;

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value));
  }

  appendChild<Child extends Piece | string>(child: Child): Child {
    this.#children.push(child);
    return child;
  }

  get html(): string {
    const inside = this.#children.map((child) => (typeof child === "string" ? escaped(child) : child.html)).join("");
    if (this.tag === null) return inside;
    const attributes = [...this.#attributes].map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
    const open = `<${this.tag}${attributes}>`;
    return ["br", "hr", "img", "input"].includes(this.tag) ? open : `${open}${inside}</${this.tag}>`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const pieces = {
  createElement: (tag: string) => new Piece(tag),
  createTextNode: (text: string) => text,
  createDocumentFragment: () => new Piece(null),
} as unknown as Document;

const schema = getSchema(documentExtensions({ writable: false }));

/** The HTML of a document's content, as the editor draws it. */
export function renderHtml(json: JSONContent): string {
  const node = Node.fromJSON(schema, json);
  node.check();
  return draw(node.content);
}

function draw(blocks: Fragment): string {
  const serializer = DOMSerializer.fromSchema(blocks.firstChild?.type.schema ?? schema);
  const drawn: unknown = serializer.serializeFragment(blocks, { document: pieces });
  return (drawn as Piece).html;
}

const readingSchema = getSchema([...documentExtensions({ writable: false }), ForeignBlock]);

/** The HTML of a shared document, as the editor reads and draws it. `words`: the sentences of the page, by name. */
export function readHtml(state: Uint8Array, words: Readonly<Record<string, string>>): string {
  const said = Object.entries(words).map(([word, textContent]) => ({ dataset: { word }, textContent }));
  const template = { content: { querySelectorAll: () => said } };
  Object.assign(globalThis, { document: { querySelector: (asked: string) => (asked === "#editor" ? null : template) } });
  const shared = new Y.Doc();
  Y.applyUpdate(shared, state);
  const blocks = readBlocks(shared.getXmlFragment("default"), readingSchema, new Map());
  return draw(Fragment.from(blocks.length > 0 ? blocks : readingSchema.node("paragraph")));
}
