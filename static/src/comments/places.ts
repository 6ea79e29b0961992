import type { Node } from "@tiptap/pm/model";
import { type EditorState, NodeSelection } from "@tiptap/pm/state";
import {
  absolutePositionToRelativePosition,
  type ProsemirrorBinding,
  relativePositionToAbsolutePosition,
  ySyncPluginKey,
} from "@tiptap/y-tiptap";
import * as Y from "yjs";
import { isPlace } from "../editor/presence-place";
import { countQuote, findQuote } from "./find-quote";
import type { Place, Thread } from "./model";

const mostQuoted = 1000;
const mostAround = 64;
const leastWhole = 4;

interface Piece {
  readonly at: number;
  readonly position: number;
  readonly length: number;
}

interface Block {
  readonly from: number;
  readonly node: Node;
}

/**
 * The words of a document in one line of thought: a line break between its blocks, and where each piece stands; and its
 * blocks by their ids.
 */
interface Flat {
  readonly text: string;
  readonly pieces: readonly Piece[];
  readonly blocks: ReadonlyMap<string, Block>;
}

/** Where a thread's place is by now. `block`: it is the whole node at `from`. `by`: what led there. */
export interface Located {
  readonly from: number;
  readonly to: number;
  readonly block: boolean;
  readonly by: "anchor" | "words";
}

const flats = new WeakMap<Node, Flat>();

function flatten(document: Node): Flat {
  const known = flats.get(document);
  if (known) return known;
  const pieces: Piece[] = [];
  const blocks = new Map<string, Block>();
  let text = "";
  document.descendants((node, position) => {
    const id: unknown = node.attrs["id"];
    if (typeof id === "string" && !blocks.has(id)) blocks.set(id, { from: position, node });
    if (node.isTextblock && text !== "") text += "\n";
    if (!node.isInline) return;
    const words = node.isText ? (node.text ?? "") : node.type.name === "hardBreak" ? "\n" : "\ufffc";
    pieces.push({ at: text.length, position, length: words.length });
    text += words;
  });
  const flat = { text, pieces, blocks };
  flats.set(document, flat);
  return flat;
}

/** The first of the pieces for which something holds that holds for all behind it too. */
function firstOf(pieces: readonly Piece[], holds: (piece: Piece) => boolean): number {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const piece = pieces[middle];
    if (piece && holds(piece)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The place in the words of a position in the document: that of the first letter at or behind it. */
function offsetOf({ text, pieces }: Flat, position: number): number {
  const piece = pieces[firstOf(pieces, (each) => each.position + each.length > position)];
  if (!piece) return text.length;
  return piece.at + Math.max(0, position - piece.position);
}

/** The end of a stretch: behind the last letter before `position`. */
function endOffsetOf({ pieces }: Flat, position: number): number {
  const piece = pieces[firstOf(pieces, (each) => each.position >= position) - 1];
  if (!piece) return 0;
  return piece.at + Math.min(piece.length, position - piece.position);
}

/** The position of a letter by its place in the words. */
function positionOf({ pieces }: Flat, offset: number): number | null {
  const piece = pieces[firstOf(pieces, (each) => offset < each.at + each.length)];
  return piece && piece.at <= offset ? piece.position + offset - piece.at : null;
}

function bindingOf(state: EditorState): ProsemirrorBinding {
  return (ySyncPluginKey.getState(state) as { binding: ProsemirrorBinding }).binding;
}

function mintPosition(binding: ProsemirrorBinding, position: number, side: 0 | -1): unknown {
  const { doc, type, mapping } = binding;
  const relative = absolutePositionToRelativePosition(position, type, mapping) as Y.RelativePosition;
  const place = Y.createAbsolutePositionFromRelativePosition(relative, doc);
  // Held by the letters of the stretch itself: what is typed at its edges does not belong to it.
  const held = place === null ? relative : Y.createRelativePositionFromTypeIndex(place.type, place.index, side);
  return Y.relativePositionToJSON(held);
}

function readPosition(binding: ProsemirrorBinding, json: unknown): number | null {
  if (!isPlace(json)) return null;
  try {
    const { doc, type, mapping } = binding;
    return relativePositionToAbsolutePosition(doc, type, Y.createRelativePositionFromJSON(json), mapping);
  } catch {
    // It leads into a part of the text that the page does not show.
    return null;
  }
}

/** No half of a letter that is written as two. */
function whole(text: string): string {
  return text.replace(/^[\udc00-\udfff]/u, "").replace(/[\ud800-\udbff]$/u, "");
}

function blockAround(document: Node, position: number): { id: string; from: number; node: Node } | null {
  const $position = document.resolve(position);
  for (let depth = $position.depth; depth > 0; depth -= 1) {
    const node = $position.node(depth);
    const id: unknown = node.attrs["id"];
    if (typeof id === "string") return { id, from: $position.before(depth), node };
  }
  return null;
}

/** The place of a stretch of text, as it is sent to the server. */
export function placeOfText(state: EditorState, from: number, to: number): Place | null {
  const flat = flatten(state.doc);
  const start = offsetOf(flat, from);
  const end = endOffsetOf(flat, to);
  const quote = flat.text.slice(start, end);
  if (quote.trim() === "") return null;
  const binding = bindingOf(state);
  return {
    kind: "text",
    anchor: { start: mintPosition(binding, from, 0), end: mintPosition(binding, to, -1) },
    block_id: blockAround(state.doc, from)?.id ?? null,
    quote: whole(quote.slice(0, mostQuoted)),
    before: whole(flat.text.slice(Math.max(0, start - mostAround), start)),
    after: whole(flat.text.slice(end, end + mostAround)),
  };
}

/** The place of a whole block, as it is sent to the server. Null for one without words and without an id. */
export function placeOfBlock(state: EditorState, from: number): Place | null {
  const node = state.doc.nodeAt(from);
  if (!node) return null;
  const id: unknown = node.attrs["id"];
  const image = node.type.name === "image";
  if (typeof id !== "string") return image ? null : placeOfText(state, from, from + node.nodeSize);
  const alt: unknown = node.attrs["alt"];
  const words = image ? (typeof alt === "string" ? alt : "") : node.textBetween(0, node.content.size, "\n");
  return {
    kind: image ? "image" : "block",
    anchor: null,
    block_id: id,
    quote: whole(words.slice(0, 200)),
    before: "",
    after: "",
  };
}

/** The place of what is selected; null if that is nothing one could talk about. */
export function placeOfSelection(state: EditorState): Place | null {
  const { selection } = state;
  if (selection instanceof NodeSelection) return placeOfBlock(state, selection.from);
  if (!selection.empty) return placeOfText(state, selection.from, selection.to);
  // A caret alone means the block it stands in.
  const block = blockAround(state.doc, selection.from);
  return block && block.node.textContent.trim() !== "" ? placeOfBlock(state, block.from) : null;
}

/** What this browser has seen of the places: what stood there last, and which words were nowhere in the text. */
export class Memory {
  readonly words = new Map<string, string>();
  readonly absent = new Set<string>();
}

/** Is the letter that holds a position still in the text? */
function isHeld({ doc }: ProsemirrorBinding, json: unknown): boolean {
  const { item } = json as { item?: { client: number; clock: number } | null };
  return item === undefined || item === null || !Y.getItem(doc.store, Y.createID(item.client, item.clock)).deleted;
}

/** `held`: both ends are; otherwise it is what is left between letters that are gone. */
function byAnchor(state: EditorState, place: Place): (Located & { readonly held: boolean }) | null {
  if (place.anchor === null) return null;
  const binding = bindingOf(state);
  const from = readPosition(binding, place.anchor.start);
  const to = readPosition(binding, place.anchor.end);
  if (from === null || to === null || from < 0 || from >= to || to > state.doc.content.size) return null;
  if (state.doc.textBetween(from, to, " ", " ").trim() === "") return null;
  const held = isHeld(binding, place.anchor.start) && isHeld(binding, place.anchor.end);
  return { from, to, block: false, by: "anchor", held };
}

/**
 * The words around what is left of them, or null. Undo brings words back as new letters among those that are gone, and
 * only in the browser where that was done do the old positions lead to the new letters.
 */
function around(document: Node, { from, to }: Located, quotes: readonly string[]): Located | null {
  const flat = flatten(document);
  const [start, end] = [offsetOf(flat, from), endOffsetOf(flat, to)];
  for (const quote of quotes) {
    const at = flat.text.indexOf(quote, Math.max(0, start - quote.length + 1));
    if (at === -1 || at >= end) continue;
    const first = positionOf(flat, at);
    const last = positionOf(flat, at + quote.length - 1);
    if (first !== null && last !== null) return { from: first, to: last + 1, block: false, by: "words" };
  }
  return null;
}

function byWords(document: Node, thread: Thread, quote: string, memory: Memory): Located | null {
  const { place } = thread;
  const flat = flatten(document);
  const block = flat.blocks.get(place.block_id ?? "");
  const within: [number, number] | null =
    block === undefined ? null : [offsetOf(flat, block.from), endOffsetOf(flat, block.from + block.node.nodeSize)];
  const isNew = memory.absent.has(thread.id);
  const at = findQuote(flat.text, { ...place, quote }, { within, isNew, isFresh: place.anchor === null });
  if (at === null) return null;
  const from = positionOf(flat, at);
  const last = positionOf(flat, at + quote.length - 1);
  return from === null || last === null ? null : { from, to: last + 1, block: false, by: "words" };
}

/** Where the place of a thread is in the document now; null for an orphan. */
export function locate(state: EditorState, thread: Thread, memory: Memory): Located | null {
  const { doc } = state;
  const { place } = thread;
  if (place.kind !== "text") {
    const block = flatten(doc).blocks.get(place.block_id ?? "");
    return block ? { from: block.from, to: block.from + block.node.nodeSize, block: true, by: "anchor" } : null;
  }
  const anchored = byAnchor(state, place);
  if (anchored?.held === true) {
    const flat = flatten(doc);
    memory.words.set(thread.id, flat.text.slice(offsetOf(flat, anchored.from), endOffsetOf(flat, anchored.to)));
    memory.absent.delete(thread.id);
    return anchored;
  }
  const last = memory.words.get(thread.id) ?? "";
  // What is left of words after many small deletions stands in many places.
  const isWhole = last.length >= leastWhole && last.length * 2 >= place.quote.length;
  const quotes = [...new Set([...(isWhole ? [last] : []), place.quote])].filter((quote) => quote.trim() !== "");
  if (anchored !== null) {
    memory.absent.delete(thread.id);
    return around(doc, anchored, quotes) ?? anchored;
  }
  for (const quote of quotes) {
    const found = byWords(doc, thread, quote, memory);
    if (found !== null) return found;
  }
  if (countQuote(flatten(doc).text, place.quote) === 0) memory.absent.add(thread.id);
  return null;
}
