import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getSchema } from "@tiptap/core";
import { Fragment, type Node, Slice } from "@tiptap/pm/model";
import { EditorState, TextSelection, type Transaction } from "@tiptap/pm/state";
import { documentExtensions } from "../../static/src/editor/schema";
import { decideIn, type Verdict } from "../../static/src/suggesting/decide";
import { suggestionsIn } from "../../static/src/suggesting/find";
import { type Author, track } from "../../static/src/suggesting/track";

const schema = getSchema(documentExtensions({ writable: true }));
const me = "0b0d2a36-55c4-4a41-9f4e-1d1f3a0c7c11";
const other = "7d9b8c54-2f0e-4b5d-8c7b-3a1e5f6d7c22";

let ids = 0;
function author(by = me): Author {
  return { by, newId: () => `${by.slice(0, 2)}-${String((ids += 1))}`, now: () => 1_700_000_000_000 };
}

let blockIds = 0;
function block(type: string, words: string, attributes: Record<string, unknown> = {}): Node {
  blockIds += 1;
  const content = words === "" ? [] : [schema.text(words)];
  return schema.node(type, { id: `b${String(blockIds)}`, ...attributes }, content);
}

function item(words: string): Node {
  blockIds += 1;
  return schema.node("listItem", { id: `i${String(blockIds)}` }, [block("paragraph", words)]);
}

function opened(...blocks: Node[]): EditorState {
  return EditorState.create({ doc: schema.node("doc", null, blocks) });
}

function aText(): EditorState {
  return opened(
    block("heading", "A plan", { level: 1 }),
    block("paragraph", "The quick brown fox jumps."),
    schema.node("bulletList", { id: "list" }, [item("one"), item("two")]),
    block("codeBlock", "let x = 1"),
    block("paragraph", "Over the lazy dog."),
  );
}

/** Suggests what a change would do. Null if that cannot be suggested. */
function suggest(state: EditorState, change: (tr: Transaction) => Transaction, by = author()): EditorState | null {
  const transaction = change(state.tr);
  if (!transaction.docChanged) return state;
  const tracked = track(transaction, state, by);
  if (tracked === null) return null;
  tracked.doc.check();
  return state.apply(tracked);
}

function decided(state: EditorState, verdict: Verdict, keys?: readonly string[]): Node {
  const { tr } = state;
  const all = new Set(keys ?? suggestionsIn(state.doc).map(({ key }) => key));
  decideIn(tr, all, verdict, (position, into) => {
    const level = /^heading(\d)$/u.exec(into)?.[1];
    const type = schema.nodes[level === undefined ? "paragraph" : "heading"];
    const id: unknown = tr.doc.nodeAt(position)?.attrs["id"];
    assert.ok(type);
    tr.setBlockType(position + 1, position + 1, type, { id, ...(level === undefined ? {} : { level: Number(level) }) });
  });
  tr.doc.check();
  return tr.doc;
}

function plain(document: Node): string[] {
  const lines: string[] = [];
  document.descendants((node) => {
    if (node.isTextblock) lines.push(`${node.type.name}: ${node.textBetween(0, node.content.size, "", "\n")}`);
  });
  return lines;
}

/** The place of words in a document. */
function find(state: EditorState, words: string): number {
  let found = -1;
  state.doc.descendants((node, position) => {
    const at = node.isText ? (node.text ?? "").indexOf(words) : -1;
    if (at >= 0 && found < 0) found = position + at;
  });
  assert.ok(found >= 0, words);
  return found;
}

function kinds(state: EditorState): string[] {
  return suggestionsIn(state.doc).flatMap(({ parts }) => parts.map(({ kind, text }) => `${kind} ${text}`));
}

/** Small numbers that look random, the same ones each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** A change as somebody makes it at a random place. */
function aChange(state: EditorState, roll: (sides: number) => number): (tr: Transaction) => Transaction {
  const { doc } = state;
  const place = () => TextSelection.near(doc.resolve(roll(doc.content.size + 1))).from;
  const [one, two] = [place(), place()];
  const [from, to] = [Math.min(one, two), Math.max(one, two)];
  const near = TextSelection.near(doc.resolve(Math.min(from + 1 + roll(6), doc.content.size)), -1).from;
  const bold = schema.mark("bold");
  switch (roll(7)) {
    case 0:
      return (tr) => tr.delete(from, to);
    case 1:
      return (tr) => tr.delete(from, Math.max(from, near));
    case 2:
      return (tr) => tr.addMark(from, to, bold);
    case 3:
      return (tr) => tr.removeMark(from, to, bold);
    case 4:
      return (tr) => (doc.resolve(from).parent.type.spec.code === true ? tr.insertText("\n", from) : tr.split(from));
    case 5:
      return (tr) => tr.insertText("typed over", from, Math.max(from, near));
    default:
      return (tr) => tr.insertText("typed ", from);
  }
}

void describe("a suggestion", () => {
  void test("of typing, deleting and replacing is read as such, accepted as such, and rejected without a trace", () => {
    const start = aText();
    const at = find(start, "quick");
    const typed = suggest(start, (tr) => tr.insertText("very ", at));
    assert.ok(typed);
    assert.deepEqual(kinds(typed), ["insert very "]);
    const deleted = suggest(typed, (tr) => tr.delete(find(typed, "brown"), find(typed, "brown") + 6));
    assert.ok(deleted);
    assert.deepEqual(kinds(deleted), ["insert very ", "delete brown "]);
    const replaced = suggest(deleted, (tr) => tr.insertText("cat", find(deleted, "dog"), find(deleted, "dog") + 3));
    assert.ok(replaced);
    assert.equal(suggestionsIn(replaced.doc).length, 3, "what is replaced is one suggestion");
    assert.equal(plain(decided(replaced, "accept"))[1], "paragraph: The very quick fox jumps.");
    assert.equal(plain(decided(replaced, "accept")).at(-1), "paragraph: Over the lazy cat.");
    assert.ok(decided(replaced, "reject").eq(start.doc));
  });

  void test("goes on with what is typed beside it, and takes back its own letters", () => {
    let state = aText();
    const by = author();
    const at = find(state, "quick");
    for (const [index, letter] of [..."slow "].entries()) {
      state = suggest(state, (tr) => tr.insertText(letter, at + index), by) ?? state;
    }
    assert.equal(suggestionsIn(state.doc).length, 1);
    state = suggest(state, (tr) => tr.delete(at, at + 5), by) ?? state;
    assert.ok(state.doc.eq(aText().doc) || suggestionsIn(state.doc).length === 0);
  });

  void test("of another is struck and not deleted, and stays theirs", () => {
    const start = aText();
    const at = find(start, "quick");
    const theirs = suggest(start, (tr) => tr.insertText("very ", at), author(other));
    assert.ok(theirs);
    const mine = suggest(theirs, (tr) => tr.delete(at, at + 5));
    assert.ok(mine);
    assert.deepEqual(kinds(mine).sort(), ["delete very ", "insert very "]);
    assert.deepEqual(new Set(suggestionsIn(mine.doc).map(({ by }) => by)), new Set([me, other]));
    const mineOnly = suggestionsIn(mine.doc).filter(({ by }) => by === me);
    assert.ok(decided(mine, "accept", mineOnly.map(({ key }) => key)).eq(start.doc));
  });

  void test("of a paragraph begins one at the end of a block, and marks its place within one", () => {
    const start = aText();
    const inside = suggest(start, (tr) => tr.split(find(start, "brown")));
    assert.ok(inside);
    assert.deepEqual(plain(decided(inside, "accept")).slice(1, 3), ["paragraph: The quick ", "paragraph: brown fox jumps."]);
    const atEnd = suggest(start, (tr) => tr.split(find(start, "jumps.") + 6));
    assert.ok(atEnd);
    const typed = suggest(atEnd, (tr) => tr.insertText("More.", atEnd.selection.from));
    assert.ok(typed);
    assert.deepEqual(kinds(typed), ["insertBlock More."]);
    // At the very end of the document, too, where nothing stands behind.
    let last = suggest(start, (tr) => tr.split(find(start, "dog.") + 4));
    for (const letter of ["a", "b"]) {
      const before = last;
      assert.ok(before);
      last = suggest(before, (tr) => tr.insertText(letter, before.selection.from));
      assert.equal(last?.selection.from, before.selection.from + 1);
    }
    assert.deepEqual(last && kinds(last), ["insertBlock ab"]);
    assert.deepEqual(plain(decided(typed, "accept")).slice(1, 3), ["paragraph: The quick brown fox jumps.", "paragraph: More."]);
    assert.ok(decided(typed, "reject").eq(start.doc));
    const inList = suggest(start, (tr) => tr.split(find(start, "one") + 3, 2));
    assert.ok(inList);
    assert.equal(decided(inList, "accept").child(2).childCount, 3);
  });

  void test("of a block stays one, whatever the block is turned into", () => {
    const start = aText();
    const fresh = suggest(start, (tr) => tr.split(find(start, "dog.") + 4));
    assert.ok(fresh);
    const typed = suggest(fresh, (tr) => tr.insertText("## ", fresh.selection.from));
    assert.ok(typed);
    const from = find(typed, "## ");
    const { heading, bulletList, listItem } = schema.nodes;
    assert.ok(heading && bulletList && listItem);
    // As the rules for what is typed do it: without a thought for other attributes.
    const turned = suggest(typed, (tr) => tr.delete(from, from + 3).setBlockType(from, from, heading, { level: 2 }));
    assert.ok(turned);
    assert.ok(decided(turned, "reject").eq(start.doc));
    assert.equal(decided(turned, "accept").lastChild?.type, heading);
    const listed = suggest(typed, (tr) => {
      tr.delete(from, from + 3);
      const range = tr.doc.resolve(from).blockRange();
      assert.ok(range);
      return tr.wrap(range, [{ type: bulletList }, { type: listItem }]);
    });
    assert.ok(listed);
    assert.ok(decided(listed, "reject").eq(start.doc));
    assert.equal(decided(listed, "accept").lastChild?.type, bulletList);
  });

  void test("of a format says what is to come and to go, and nothing if both are taken back", () => {
    const start = aText();
    const at = find(start, "quick");
    const bold = schema.mark("bold");
    const wanted = suggest(start, (tr) => tr.addMark(at, at + 5, bold));
    assert.ok(wanted);
    assert.deepEqual(kinds(wanted), ["reformat quick"]);
    assert.ok(bold.isInSet(decided(wanted, "accept").nodeAt(at)?.marks ?? []));
    assert.ok(decided(wanted, "reject").eq(start.doc));
    const back = suggest(wanted, (tr) => tr.addMark(at, at + 5, bold));
    assert.ok(back?.doc.eq(start.doc));
  });

  void test("of a format stands beside another person's of the same letters, and each is decided by itself", () => {
    const [bold, italic] = [schema.mark("bold"), schema.mark("italic")];
    const words = opened(block("paragraph", "Some words"));
    const mine = suggest(words, (tr) => tr.addMark(1, 5, bold));
    assert.ok(mine);
    const both = suggest(mine, (tr) => tr.addMark(3, 8, italic), author(other));
    assert.ok(both);
    const [first, second] = suggestionsIn(both.doc);
    assert.deepEqual([first?.by, second?.by], [me, other]);
    assert.equal(second?.parts.map(({ text }) => text).join(""), "me wo");
    const accepted = decided(both, "accept", [first?.key ?? ""]);
    assert.deepEqual(suggestionsIn(accepted).map(({ by }) => by), [other]);
    assert.ok(accepted.rangeHasMark(1, 5, bold.type) && !accepted.rangeHasMark(1, 8, italic.type));
    const rejected = decided(both, "reject", [second?.key ?? ""]);
    assert.deepEqual(suggestionsIn(rejected).map(({ by }) => by), [me]);
    // Taken back by whoever suggested it, the other's stays.
    const back = suggest(both, (tr) => tr.addMark(1, 5, bold));
    assert.deepEqual(back && suggestionsIn(back.doc).map(({ by }) => by), [other]);
  });

  void test("of another kind of block, of whole blocks, and of two blocks made one", () => {
    const start = aText();
    const paragraph = find(start, "Over");
    const heading = schema.nodes["heading"];
    assert.ok(heading);
    const turned = suggest(start, (tr) => tr.setBlockType(paragraph, paragraph, heading, { ...start.doc.child(4).attrs, level: 2 }));
    assert.ok(turned);
    assert.deepEqual(suggestionsIn(turned.doc).map(({ parts }) => parts.map((part) => "into" in part && part.into)), [["heading2"]]);
    assert.equal(decided(turned, "accept").child(4).type.name, "heading");
    const all = suggest(start, (tr) => tr.delete(0, start.doc.content.size));
    assert.ok(all);
    assert.equal(decided(all, "accept").textContent, "");
    assert.ok(decided(all, "reject").eq(start.doc));
    const joined = suggest(start, (tr) => tr.delete(find(start, "plan") + 4, find(start, "The")));
    assert.ok(joined);
    assert.equal(plain(decided(joined, "accept"))[0], "heading: A planThe quick brown fox jumps.");
  });

  void test("of what is pasted keeps all that was there, and puts whole blocks beside the block", () => {
    const start = aText();
    const at = find(start, "brown");
    const words = schema.node("paragraph", null, [schema.text("one line")]);
    const more = schema.node("paragraph", null, [schema.text("and another")]);
    const list = schema.node("bulletList", null, [schema.node("listItem", null, [words])]);
    for (const [slice, lines] of [
      [new Slice(Fragment.from([words, more]), 1, 1), ["paragraph: The quick one line", "paragraph: and anotherbrown fox jumps."]],
      [new Slice(Fragment.from([list]), 0, 0), ["paragraph: The quick brown fox jumps.", "paragraph: one line"]],
      [new Slice(Fragment.from([schema.node("horizontalRule")]), 0, 0), ["paragraph: The quick brown fox jumps."]],
    ] as [Slice, string[]][]) {
      const pasted = suggest(start, (tr) => tr.replace(at, at, slice));
      assert.ok(pasted);
      assert.ok(decided(pasted, "reject").eq(start.doc));
      assert.deepEqual(plain(decided(pasted, "accept")).slice(1, 1 + lines.length), lines);
    }
  });

  void test("never changes accepted text, whatever is done, by whomever, in whatever order", () => {
    let told = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const roll = dice(seed);
      const start = aText();
      let state = start;
      const people = [author(me), author(other)];
      for (let step = 0; step < 12; step += 1) {
        const by = people[roll(2)] ?? author();
        const change = aChange(state, roll);
        const next = suggest(state, change, by);
        if (next === null) continue;
        told += 1;
        assert.ok(decided(next, "reject").eq(start.doc), `seed ${String(seed)}, step ${String(step)}`);
        decided(next, "accept");
        state = next;
      }
      // One after another, in any order, leads to the end, too.
      let left = state;
      while (suggestionsIn(left.doc).length > 0) {
        const all = suggestionsIn(left.doc);
        const one = all[roll(all.length)];
        assert.ok(one);
        const doc = decided(left, roll(2) === 0 ? "accept" : "reject", [one.key]);
        left = EditorState.create({ doc });
        assert.ok(!suggestionsIn(left.doc).some(({ key }) => key === one.key));
      }
    }
    assert.ok(told > 1000, String(told));
  });

  void test("of a single change, accepted, is that change", () => {
    for (let seed = 1; seed <= 600; seed += 1) {
      const roll = dice(seed);
      const start = aText();
      const change = aChange(start, roll);
      const done = change(start.tr).doc;
      const next = suggest(start, change);
      if (next === null) continue;
      assert.equal(decided(next, "accept").textContent, done.textContent, `seed ${String(seed)}`);
    }
  });
});
