import { getSchema, type JSONContent } from "@tiptap/core";
import { DOMSerializer, Node } from "@tiptap/pm/model";
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
  const drawn: unknown = DOMSerializer.fromSchema(schema).serializeFragment(node.content, { document: pieces });
  return (drawn as Piece).html;
}
