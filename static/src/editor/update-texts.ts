import type { Mark, Node } from "@tiptap/pm/model";
import type { ProsemirrorBinding } from "@tiptap/y-tiptap";
import * as buffer from "lib0/buffer";
import * as sha256 from "lib0/hash/sha256";
import * as Y from "yjs";

const hash = /--[a-zA-Z0-9+/=]{8}$/u;
const hashBytes = 6;

interface Run {
  readonly insert: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

function runsOf(text: Y.XmlText): Run[] | null {
  const runs: Run[] = [];
  for (const { insert, attributes } of text.toDelta() as { insert: unknown; attributes?: Record<string, unknown> }[]) {
    if (typeof insert !== "string") return null;
    runs.push({ insert, attributes: attributes ?? {} });
  }
  return runs;
}

/**
 * The name under which a mark is written down: its type's; of marks of which a letter may have several, with a hash behind
 * it, as the binding makes it. One that is in the text keeps the name that it has there, whoever gave it.
 */
function nameOf(mark: Mark, old: readonly Run[], taken: Readonly<Record<string, unknown>>): string {
  const { type, attrs } = mark;
  if (type.excludes(type)) return type.name;
  const written = JSON.stringify(attrs);
  for (const { attributes } of old) {
    for (const [name, value] of Object.entries(attributes)) {
      const isNamedSo = name.replace(hash, "") === type.name && !(name in taken);
      if (isNamedSo && isSame(value, attrs, written)) return name;
    }
  }
  const digest = sha256.digest(buffer.encodeAny(mark.toJSON()));
  for (let at = hashBytes; at < digest.length; at += 1) {
    const place = at % hashBytes;
    digest[place] = (digest[place] ?? 0) ^ (digest[at] ?? 0);
  }
  return `${type.name}--${buffer.toBase64(digest.slice(0, hashBytes))}`;
}

function isSame(value: unknown, attributes: Readonly<Record<string, unknown>>, written: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const given = value as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(Object.keys(attributes).map((name) => [name, given[name]]))) === written;
}

function runsIn(block: Node, old: readonly Run[]): Run[] | null {
  const runs: Run[] = [];
  for (const node of block.children) {
    if (!node.isText) return null;
    const attributes: Record<string, unknown> = {};
    for (const mark of node.marks) attributes[nameOf(mark, old, attributes)] = mark.attrs;
    runs.push({ insert: node.text ?? "", attributes });
  }
  return runs;
}

/** For each code unit, whose suggestion it is: two equal letters of different people are not the same. */
function ownersOf(runs: readonly Run[]): string[] {
  return runs.flatMap(({ insert, attributes }) => {
    const { by = "", id = "" } = (attributes["insertion"] ?? {}) as { by?: string; id?: string };
    return Array.from<string>({ length: insert.length }).fill(by === "" ? "" : `${by}/${id}`);
  });
}

function isHigh(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit < 0xe000;
}

/**
 * Which of the old runs stay, if what is wanted is the old text without some of its runs, however they are marked: so it
 * is after somebody has decided about suggestions. Null if it is anything else.
 */
function runsThatStay(old: readonly Run[], wanted: string, has: readonly string[]): readonly boolean[] | null {
  const failed = new Set<string>();
  const stays: boolean[] = [];
  const fits = ({ insert, attributes }: Run, at: number): boolean => {
    if (!wanted.startsWith(insert, at)) return false;
    const [owner] = ownersOf([{ insert, attributes }]);
    // What was suggested may be accepted; what was accepted is nobody's suggestion.
    return has.slice(at, at + insert.length).every((each) => each === "" || each === owner);
  };
  const find = (index: number, at: number): boolean => {
    const run = old[index];
    if (!run) return at === wanted.length;
    const key = `${String(index)} ${String(at)}`;
    if (failed.has(key)) return false;
    // What is to go goes rather than what is to come.
    const ways = run.attributes["deletion"] ? [false, true] : [true, false];
    for (const stay of ways) {
      if (stay && !fits(run, at)) continue;
      stays[index] = stay;
      if (find(index + 1, stay ? at + run.insert.length : at)) return true;
    }
    failed.add(key);
    return false;
  };
  return old.length <= mostRuns && find(0, 0) ? stays : null;
}

/** Beyond so many the letters are compared; finding out which runs stay calls itself for each. */
const mostRuns = 500;

function updateText(text: Y.XmlText, old: readonly Run[], wanted: readonly Run[]): void {
  const [before, after] = [old, wanted].map((runs) => runs.map(({ insert }) => insert).join("")) as [string, string];
  const [had, has] = [ownersOf(old), ownersOf(wanted)];
  const stays = runsThatStay(old, after, has);
  if (stays) {
    let end = before.length;
    for (let index = old.length - 1; index >= 0; index -= 1) {
      const length = old[index]?.insert.length ?? 0;
      end -= length;
      if (stays[index] === false) text.delete(end, length);
    }
    format(text, old, wanted);
    return;
  }
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start] && had[start] === has[start]) start += 1;
  if (start > 0 && isHigh(before, start - 1)) start -= 1;
  let end = 0;
  while (
    end < most - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end] &&
    had[before.length - 1 - end] === has[after.length - 1 - end]
  ) {
    end += 1;
  }
  if (end > 0 && isLow(before, before.length - end)) end -= 1;
  const removed = before.length - start - end;
  if (removed > 0) text.delete(start, removed);
  let at = 0;
  for (const { insert, attributes } of wanted) {
    const [from, to] = [Math.max(at, start), Math.min(at + insert.length, after.length - end)];
    // Given outright: nothing of what stands beside it spreads over it.
    if (from < to) text.insert(from, insert.slice(from - at, to - at), { ...attributes });
    at += insert.length;
  }
  format(text, old, wanted);
}

/** Gives the letters, which are right already, the formats that are wanted. */
function format(text: Y.XmlText, old: readonly Run[], wanted: readonly Run[]): void {
  const none = Object.fromEntries([...old, ...wanted].flatMap(({ attributes }) => Object.keys(attributes).map((name) => [name, null])));
  text.applyDelta(wanted.map(({ insert, attributes }) => ({ retain: insert.length, attributes: { ...none, ...attributes } })));
}

/**
 * Writes what changed in blocks of plain text into their shared texts, letter for letter. The binding, which writes the
 * rest afterwards, compares letters alone: of two equal ones side by side it may delete the one that is accepted, and
 * keep the one that somebody only suggests in its place.
 */
export function updateTexts({ type, mapping }: ProsemirrorBinding, document: Node): void {
  const present = new Set(type.toArray().map((element) => mapping.get(element as Y.XmlElement)));
  const wanted = new Map<string, Node>();
  for (const block of document.children) {
    if (present.has(block)) continue;
    const note = (node: Node): boolean => {
      const id: unknown = node.attrs["id"];
      if (node.isTextblock && typeof id === "string") wanted.set(id, node);
      return !node.isTextblock;
    };
    if (note(block)) block.descendants(note);
  }
  if (wanted.size === 0) return;
  const kept = new Set<unknown>(document.children);
  const open = (type.toArray() as unknown[]).filter(
    (element) => element instanceof Y.XmlElement && !kept.has(mapping.get(element as Y.XmlElement)),
  );
  while (open.length > 0) {
    const element = open.pop();
    if (!(element instanceof Y.XmlElement)) continue;
    const id = String(element.getAttribute("id"));
    const node = wanted.get(id);
    const children = element.toArray() as unknown[];
    const [text] = children;
    if (node?.type.name !== element.nodeName || children.length !== 1 || !(text instanceof Y.XmlText)) {
      open.push(...children);
      continue;
    }
    // Of two blocks with one id the binding finds out which is which.
    wanted.delete(id);
    const old = runsOf(text);
    const now = old && runsIn(node, old);
    if (old && now && JSON.stringify(old) !== JSON.stringify(now)) updateText(text, old, now);
  }
}
