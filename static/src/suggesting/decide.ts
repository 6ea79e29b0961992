import type { Editor } from "@tiptap/core";
import type { Mark, Node } from "@tiptap/pm/model";
import type { Transaction } from "@tiptap/pm/state";
import { canSplit } from "@tiptap/pm/transform";
import { beginUndoStep } from "../editor/undo-step";
import { keyOf, ofMark } from "./authorship";
import { type Part, suggestionsIn } from "./find";
import { lineBreak, paragraphBreak } from "./track";

/** Marks transactions that decide: they are no suggestions themselves. */
export const decision = "suggestion decision";

export type Verdict = "accept" | "reject";

/** Accepts or rejects suggestions by their keys, in one transaction that can be undone in one step. */
export function decide(editor: Editor, keys: ReadonlySet<string>, verdict: Verdict): boolean {
  if (!suggestionsIn(editor.state.doc).some(({ key }) => keys.has(key))) return false;
  beginUndoStep(editor);
  editor
    .chain()
    .command(({ tr, commands }) => {
      const bookmark = tr.selection.getBookmark();
      decideIn(tr, keys, verdict, (position, into) => {
        turn(tr, commands, position, into);
      });
      tr.setSelection(bookmark.map(tr.mapping).resolve(tr.doc));
      return true;
    })
    .run();
  beginUndoStep(editor);
  return true;
}

/** Accepts or rejects in a transaction that has done nothing yet. `turnInto`: makes another kind of block of one. */
export function decideIn(
  tr: Transaction,
  keys: ReadonlySet<string>,
  verdict: Verdict,
  turnInto: (position: number, into: string) => void,
): void {
  tr.setMeta(decision, true);
  const parts = suggestionsIn(tr.doc)
    .filter(({ key }) => keys.has(key))
    .flatMap(({ parts: its }) => its);
  // From the end to the start, what is in a block before the block; borders go when all between them is gone.
  parts.sort((one, other) => other.from - one.from || one.to - other.to);
  const joins = parts.filter(({ kind }) => kind === "join");
  for (const part of [...parts.filter(({ kind }) => kind !== "join"), ...joins]) {
    const start = tr.mapping.mapResult(part.from);
    const to = tr.mapping.map(part.to, -1);
    // It went with another part.
    if (to <= start.pos || ("into" in part && start.deletedAfter)) continue;
    const there = { ...part, from: start.pos, to };
    if (verdict === "reject") reject(tr, there);
    else accept(tr, there);
    if (verdict === "accept" && there.kind === "change") turnInto(there.from, there.into);
  }
}

function removeMarks(tr: Transaction, from: number, to: number, name: string): void {
  const type = tr.doc.type.schema.marks[name];
  if (type) tr.removeMark(from, to, type);
}

/** Takes away what one suggestion says of the format of a stretch; what others say of it stays. */
function removeFormat(tr: Transaction, from: number, to: number, key: string): void {
  const marks: Mark[] = [];
  tr.doc.nodesBetween(from, to, (node) => {
    for (const mark of node.marks) {
      const whose = mark.type.name === "reformat" ? ofMark(mark) : null;
      if (whose && keyOf(whose) === key) marks.push(mark);
    }
  });
  for (const mark of marks) tr.removeMark(from, to, mark);
}

/** Takes a block out, and what holds nothing but it. */
function removeBlock(tr: Transaction, position: number): void {
  const node = tr.doc.nodeAt(position);
  if (!node) return;
  let $at = tr.doc.resolve(position);
  let end = position + node.nodeSize;
  while ($at.depth > 0 && $at.parent.childCount === 1) {
    end = $at.after();
    $at = tr.doc.resolve($at.before());
  }
  const paragraph = tr.doc.type.schema.nodes["paragraph"];
  if ($at.depth === 0 && tr.doc.childCount === 1 && paragraph) tr.replaceWith($at.pos, end, paragraph.create());
  else tr.delete($at.pos, end);
}

function setAttribute(tr: Transaction, position: number, name: string): void {
  if (tr.doc.nodeAt(position)?.attrs[name] !== undefined) tr.setNodeAttribute(position, name, null);
}

function reject(tr: Transaction, part: Part): void {
  switch (part.kind) {
    case "insert":
      tr.delete(part.from, part.to);
      break;
    case "delete":
      removeMarks(tr, part.from, part.to, "deletion");
      break;
    case "reformat":
      removeFormat(tr, part.from, part.to, part.key);
      break;
    case "insertBlock":
      removeBlock(tr, part.from);
      break;
    case "deleteBlock":
      setAttribute(tr, part.from, "deleted");
      break;
    case "join":
      setAttribute(tr, part.from, "joined");
      break;
    case "change":
      setAttribute(tr, part.from, "changed");
      break;
  }
}

function accept(tr: Transaction, part: Part): void {
  switch (part.kind) {
    case "insert":
      removeMarks(tr, part.from, part.to, "insertion");
      breakUp(tr, part);
      break;
    case "delete":
      tr.delete(part.from, part.to);
      break;
    case "reformat":
      removeFormat(tr, part.from, part.to, part.key);
      for (const name of part.remove) removeMarks(tr, part.from, part.to, name);
      for (const name of part.add) {
        const mark = tr.doc.type.schema.marks[name]?.create();
        if (mark) tr.addMark(part.from, part.to, mark);
      }
      break;
    case "insertBlock":
      setAttribute(tr, part.from, "inserted");
      break;
    case "deleteBlock":
      removeBlock(tr, part.from);
      break;
    case "join":
      setAttribute(tr, part.from, "joined");
      join(tr, part.from);
      break;
    case "change":
      setAttribute(tr, part.from, "changed");
      break;
  }
}

/** What a block that was parted from another does not have of it. */
const ofNobody = { id: null, deleted: null, joined: null, changed: null };

/** Makes real breaks of those that stand for them in a text. */
function breakUp(tr: Transaction, { from, text }: Part): void {
  const { hardBreak, paragraph } = tr.doc.type.schema.nodes;
  for (let index = text.length - 1; index >= 0; index -= 1) {
    const at = from + index;
    if (text[index] === lineBreak && hardBreak) tr.replaceWith(at, at + 1, hardBreak.create());
    if (text[index] !== paragraphBreak) continue;
    tr.delete(at, at + 1);
    const $at = tr.doc.resolve(at);
    const item = $at.depth > 1 ? $at.node(-1) : null;
    const depth = item && ["listItem", "taskItem"].includes(item.type.name) ? 2 : 1;
    const atEnd = $at.parentOffset === $at.parent.content.size;
    const types = [
      ...(depth === 2 && item ? [{ type: item.type }] : []),
      atEnd && paragraph ? { type: paragraph } : { type: $at.parent.type, attrs: { ...$at.parent.attrs, ...ofNobody } },
    ];
    if (canSplit(tr.doc, at, depth, types)) tr.split(at, depth, types);
  }
}

/** Puts the content of a block behind that of the block of text before it. */
function join(tr: Transaction, position: number): void {
  const block = tr.doc.nodeAt(position);
  if (!block?.isTextblock) return;
  const ends: number[] = [];
  tr.doc.nodesBetween(0, position, (node, at) => {
    if (node.isTextblock && at + node.nodeSize <= position) ends.push(at + node.nodeSize - 1);
    return !node.isTextblock;
  });
  const end = ends.at(-1);
  if (end !== undefined) tr.delete(end, position + 1);
}

interface Commands {
  readonly setTextSelection: (position: number) => boolean;
  readonly clearNodes: () => boolean;
  readonly setNode: (name: string, attributes?: Record<string, unknown>) => boolean;
  readonly toggleBulletList: () => boolean;
  readonly toggleOrderedList: () => boolean;
  readonly toggleTaskList: () => boolean;
  readonly setBlockquote: () => boolean;
}

function turn(tr: Transaction, commands: Commands, position: number, into: string): void {
  const id: unknown = tr.doc.nodeAt(position)?.attrs["id"];
  if (into === "taskListDone" || (into === "taskList" && isTask(tr.doc, position))) {
    tr.setNodeAttribute(tr.doc.resolve(position).before(), "checked", into === "taskListDone");
    return;
  }
  commands.setTextSelection(position + 1);
  commands.clearNodes();
  const heading = /^heading([1-4])$/u.exec(into)?.[1];
  if (heading !== undefined) commands.setNode("heading", { level: Number(heading) });
  else if (into === "codeBlock") commands.setNode("codeBlock");
  else if (into === "bulletList") commands.toggleBulletList();
  else if (into === "orderedList") commands.toggleOrderedList();
  else if (into === "taskList") commands.toggleTaskList();
  else if (into === "blockquote") commands.setBlockquote();
  else commands.setNode("paragraph");
  const { $from } = tr.selection;
  // What refers to the block from outside goes on referring to it.
  if ($from.parent.isTextblock && $from.parent.attrs["id"] !== id) tr.setNodeAttribute($from.before(), "id", id);
}

function isTask(document: Node, position: number): boolean {
  return document.resolve(position).parent.type.name === "taskItem";
}

