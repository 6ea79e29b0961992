import { Fragment, Mark, type Node, type NodeType, type Schema } from "@tiptap/pm/model";
import type { ProsemirrorBinding } from "@tiptap/y-tiptap";
import * as Y from "yjs";
import { cleanAttributes } from "./attributes";
import { foreignBlockName } from "./nodes/foreign-block";

export type Mapping = ProsemirrorBinding["mapping"];

/** Deeper nesting is nobody's writing. The server reads as deep (server/documents/schema.py). */
const deepest = 64;
/** The table tools fill what is missing of a rectangle; more than this would stop the page. */
const mostMissingCells = 5000;
const longestPreview = 2000;
const hashedMark = /^(.*)--[a-zA-Z0-9+/=]{8}$/s;

/** A block has something in it that the schema has no place for. */
class Misfit extends Error {}

/** Takes the place of a node for an element that holds nothing and may not be empty: it takes no room. */
const nothing: unknown = { nodeSize: 0 };

/** What stands for blocks that cannot be shown, if the schema has it. */
function foreignBlock(element: Y.XmlElement, schema: Schema): Node | null {
  return schema.nodes[foreignBlockName]?.create({ text: wordsOf(element) }) ?? null;
}

/** The words in an element, however deep, as many as a reader needs to know it by. */
function wordsOf(element: Y.XmlElement): string {
  const words: string[] = [];
  let length = 0;
  const open: unknown[] = [element];
  while (open.length > 0 && length < longestPreview) {
    const next = open.pop();
    if (next instanceof Y.XmlText) {
      for (const { insert } of next.toDelta() as { insert: unknown }[]) {
        if (typeof insert !== "string") continue;
        words.push(insert);
        length += insert.length;
      }
    } else if (next instanceof Y.XmlElement) {
      open.push(...(next.toArray() as unknown[]).reverse());
    }
  }
  return words.join(" ").slice(0, longestPreview).trim();
}

function readMarks(formatting: Readonly<Record<string, unknown>>, schema: Schema): readonly Mark[] {
  const marks: Mark[] = [];
  for (const [name, value] of Object.entries(formatting)) {
    const type = schema.marks[hashedMark.exec(name)?.[1] ?? name];
    // A mark that is not known here stays in the document until somebody edits the text that bears it.
    if (!type || value === null) continue;
    const given = typeof value === "object" ? (value as Record<string, unknown>) : {};
    marks.push(type.create(cleanAttributes(type.spec.attrs, given)));
  }
  return Mark.setFrom(marks);
}

/**
 * Two people who begin to write in the same empty block make a text each. Whoever made the second puts its words
 * into the first, as every editor on Yjs does; if both texts stayed, the next edits would double their letters.
 */
function joinOwn(text: Y.XmlText): void {
  const next = (text._item?.right?.content as Partial<Y.ContentType> | undefined)?.type;
  const item = next?._item;
  if (!(next instanceof Y.XmlText) || !item || item.deleted || item.id.client !== next.doc?.clientID) return;
  const words = next.toDelta() as { insert: unknown }[];
  if (!words.every(({ insert }) => typeof insert === "string")) return;
  next.doc.transact((transaction) => {
    text.applyDelta([{ retain: text.length }, ...words]);
    item.delete(transaction);
  });
}

function readText(text: Y.XmlText, parent: NodeType): Node[] {
  joinOwn(text);
  const nodes: Node[] = [];
  for (const { insert, attributes } of text.toDelta() as { insert: unknown; attributes?: Record<string, unknown> }[]) {
    if (typeof insert !== "string") throw new Misfit();
    if (insert === "") continue;
    nodes.push(parent.schema.text(insert, parent.allowedMarks(readMarks(attributes ?? {}, parent.schema))));
  }
  return nodes;
}

function missingCells(table: Node): number {
  let width = 0;
  let cells = 0;
  table.forEach((row) => {
    let across = 0;
    row.forEach((cell) => {
      across += Number(cell.attrs["colspan"]);
      cells += Number(cell.attrs["colspan"]) * Number(cell.attrs["rowspan"]);
    });
    width = Math.max(width, across);
  });
  return width * table.childCount - cells;
}

type Found = [Y.XmlElement, Node][];

/** Reads one element, and notes in `found` what stands for it and for each element in it. Throws Misfit. */
function readElement(element: Y.XmlElement, schema: Schema, depth: number, found: Found): Node | null {
  const type = schema.nodes[element.nodeName];
  const unknown = type === undefined || type === schema.topNodeType || type.isText || type.name === foreignBlockName;
  if (unknown || depth > deepest) throw new Misfit();
  const children: Node[] = [];
  for (const child of element.toArray() as unknown[]) {
    if (child instanceof Y.XmlElement) {
      const node = readElement(child as Y.XmlElement, schema, depth + 1, found);
      if (node !== null) children.push(node);
    } else if (child instanceof Y.XmlText) {
      children.push(...readText(child, type));
    } else {
      throw new Misfit();
    }
  }
  const content = Fragment.from(children);
  if (content.size === 0 && !type.validContent(content)) {
    // Two people emptied it together, one this half and one that: nothing is left to be shown.
    found.push([element, nothing as Node]);
    return null;
  }
  if (!type.validContent(content)) throw new Misfit();
  const node = type.create(cleanAttributes(type.spec.attrs, element.getAttributes()), content);
  if (type.spec["tableRole"] === "table" && missingCells(node) > mostMissingCells) throw new Misfit();
  found.push([element, node]);
  return node;
}

function readBlock(element: Y.XmlElement, schema: Schema, mapping: Mapping): Node | null {
  const found: Found = [];
  try {
    const node = readElement(element, schema, 1, found);
    if (node !== null && !schema.topNodeType.contentMatch.matchType(node.type)) throw new Misfit();
    for (const [each, its] of found) mapping.set(each, its);
    return node;
  } catch (problem) {
    if (!(problem instanceof Misfit)) throw problem;
    const node = foreignBlock(element, schema);
    mapping.set(element, node ?? (nothing as Node));
    return node;
  }
}

/** Places of what is no block at all: a text, a list, a number among the blocks, which only a program can write there. */
export function strangersIn(fragment: Y.XmlFragment): number[] {
  return (fragment.toArray() as unknown[]).flatMap((child, index) => (child instanceof Y.XmlElement ? [] : [index]));
}

/** Takes out what `strangersIn` finds. */
export function removeStrangers(fragment: Y.XmlFragment): void {
  fragment.doc?.transact(() => {
    for (const index of strangersIn(fragment).reverse()) fragment.delete(index, 1);
  });
}

/**
 * Reads the blocks of a shared document and fills `mapping` with what stands for each element. It deletes nothing,
 * whatever another program wrote: an unknown block becomes a foreign block, an unknown mark is left out, a value
 * that is not allowed gives way to the usual one.
 */
export function readBlocks(fragment: Y.XmlFragment, schema: Schema, mapping: Mapping): Node[] {
  mapping.clear();
  const blocks: Node[] = [];
  for (const child of fragment.toArray() as unknown[]) {
    const node = child instanceof Y.XmlElement ? readBlock(child as Y.XmlElement, schema, mapping) : null;
    if (node !== null) blocks.push(node);
  }
  return blocks;
}

/** Takes out of the document the blocks that are not shown because nothing is in them. Only while somebody writes. */
export function removeEmptied(fragment: Y.XmlFragment, mapping: Mapping): void {
  const children = fragment.toArray() as Y.XmlElement[];
  for (let index = children.length - 1; index >= 0; index -= 1) {
    const child = children[index];
    if (child !== undefined && mapping.get(child) === nothing) fragment.delete(index, 1);
  }
}

