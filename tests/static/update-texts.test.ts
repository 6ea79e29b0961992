import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getSchema } from "@tiptap/core";
import { Mark, type Node } from "@tiptap/pm/model";
import { type ProsemirrorBinding, prosemirrorToYXmlFragment } from "@tiptap/y-tiptap";
import * as Y from "yjs";
import { readBlocks } from "../../static/src/editor/reading";
import { documentExtensions } from "../../static/src/editor/schema";
import { updateTexts } from "../../static/src/editor/update-texts";

const schema = getSchema(documentExtensions({ writable: true }));
const whose = (by: string) => schema.mark("insertion", { id: "s", by: `00000000-0000-4000-8000-00000000000${by}`, at: 1 });
const marksOf = {
  "": [],
  m: [whose("1")],
  o: [whose("2")],
  b: [schema.mark("bold")],
  f: [schema.mark("reformat", { id: "s", by: "00000000-0000-4000-8000-000000000001", at: 1, add: "bold", remove: "" })],
  g: [
    schema.mark("reformat", { id: "s", by: "00000000-0000-4000-8000-000000000001", at: 1, add: "bold", remove: "" }),
    schema.mark("reformat", { id: "s", by: "00000000-0000-4000-8000-000000000002", at: 1, add: "italic", remove: "" }),
  ],
  d: [schema.mark("deletion", { id: "s", by: "00000000-0000-4000-8000-000000000001", at: 1 })],
};
type Kind = keyof typeof marksOf;
type Stretch = readonly [string, Kind];

function paragraph(...stretches: Stretch[]): Node {
  const texts = stretches.filter(([words]) => words !== "").map(([words, kind]) => schema.text(words, marksOf[kind]));
  return schema.node("paragraph", { id: "p" }, texts);
}

function opened(...stretches: Stretch[]): { text: Y.XmlText; binding: ProsemirrorBinding; removed: () => number; change: (node: Node) => void } {
  const doc = new Y.Doc();
  const type = doc.getXmlFragment("default");
  const element = new Y.XmlElement("paragraph");
  const text = new Y.XmlText();
  element.setAttribute("id", "p");
  element.insert(0, [text]);
  type.insert(0, [element]);
  for (const node of paragraph(...stretches).children) {
    const attributes = Object.fromEntries(node.marks.map((mark) => [mark.type.name, mark.attrs]));
    text.insert(text.length, node.text ?? "", attributes);
  }
  const mapping = new Map() as ProsemirrorBinding["mapping"];
  readBlocks(type, schema, mapping);
  const binding = { type, mapping } as unknown as ProsemirrorBinding;
  let removed = 0;
  text.observe(({ delta }) => {
    for (const step of delta) removed += step.delete ?? 0;
  });
  const change = (node: Node) => {
    doc.transact(() => {
      updateTexts(binding, schema.node("doc", null, [node]));
    });
  };
  return { text, binding, removed: () => removed, change };
}

function drawn(text: Y.XmlText): Node {
  const nodes = (text.toDelta() as { insert: string; attributes?: Record<string, Record<string, unknown>> }[]).map(
    ({ insert, attributes = {} }) =>
      schema.text(
        insert,
        Mark.setFrom(Object.entries(attributes).map(([name, value]) => schema.mark(name.replace(/--.{8}$/u, ""), value))),
      ),
  );
  return schema.node("paragraph", { id: "p" }, nodes);
}

/** A text with its marks; two marks of one type stand in no order. */
function said(node: Node): unknown {
  return node.children.map(({ text, marks }) => [text, marks.map((mark) => JSON.stringify(mark.toJSON())).sort()]);
}

void describe("a shared text", () => {
  void test("keeps the accepted one of two equal letters when the suggested one goes, wherever it stands", () => {
    for (const [before, after] of [
      [[["a", "m"], ["ab", ""]], [["ab", ""]]],
      [[["a", ""], ["a", "m"], ["b", ""]], [["ab", ""]]],
      [[["ab", ""], ["b", "m"]], [["ab", ""]]],
    ] as [Stretch[], Stretch[]][]) {
      const { text, change } = opened(...before);
      const accepted = before.findIndex(([, kind]) => kind === "") === 0 ? 0 : 1;
      const place = Y.createRelativePositionFromTypeIndex(text, accepted);
      change(paragraph(...after));
      const found = Y.createAbsolutePositionFromRelativePosition(place, text.doc as Y.Doc);
      assert.equal(found?.index, 0, JSON.stringify(before));
      assert.ok(drawn(text).eq(paragraph(...after)));
      const item = Y.getItem((text.doc as Y.Doc).store, place.item as Y.ID) as Y.Item;
      assert.equal(item.deleted, false);
    }
  });

  void test("loses no accepted letter to one that is suggested beside it", () => {
    const { text, change, removed } = opened(["aab", ""]);
    change(paragraph(["a", "m"], ["aab", ""]));
    assert.equal(removed(), 0);
    assert.deepEqual(
      (text.toDelta() as { insert: string; attributes?: object }[]).map(({ insert, attributes }) => [insert, attributes !== undefined]),
      [["a", true], ["aab", false]],
    );
  });

  void test("keeps the letters of whoever suggested them when they are accepted, and those that stay when they are not", () => {
    const asked: Stretch[] = [["In ", ""], ["June", "d"], ["July", "m"], [" we", ""]];
    for (const [after, kept] of [
      ["In July we", 7],
      ["In June we", 3],
    ] as const) {
      const { text, change, removed } = opened(...asked);
      const place = Y.createRelativePositionFromTypeIndex(text, kept);
      change(paragraph([after, ""]));
      assert.equal(removed(), 4);
      assert.equal(Y.createAbsolutePositionFromRelativePosition(place, text.doc as Y.Doc)?.index, 3);
      const item = Y.getItem((text.doc as Y.Doc).store, place.item as Y.ID) as Y.Item;
      assert.equal(item.deleted, false, after);
    }
    const { text, change, removed } = opened(["all ", ""], ["mine", "m"], [" bold", "b"]);
    change(paragraph(["all mine", ""], [" bold", "b"]));
    assert.equal(removed(), 0);
    assert.ok(drawn(text).eq(paragraph(["all mine", ""], [" bold", "b"])));
  });

  void test("names marks as the binding does, and leaves the names that are there", () => {
    const both = paragraph(["two of them", "g"]);
    const fragment = new Y.Doc().getXmlFragment("default");
    prosemirrorToYXmlFragment(schema.node("doc", null, [both]), fragment);
    const [element] = fragment.toArray() as Y.XmlElement[];
    const [theirs] = (element?.toArray() ?? []) as Y.XmlText[];
    const { text, change } = opened(["two of them", ""]);
    change(both);
    const names = (each: Y.XmlText | undefined) =>
      (each?.toDelta() as { attributes?: object }[]).flatMap(({ attributes = {} }) => Object.keys(attributes).sort());
    assert.deepEqual(names(text), names(theirs));
    // One that was written under another name goes on under that.
    const older = opened(["two of them", "f"]);
    older.change(both);
    assert.equal(names(older.text).filter((name) => name === "reformat").length, 1);
    assert.equal(names(older.text).length, 2);
  });

  void test("becomes what is drawn, whatever that is, and cuts no letter in two", () => {
    let state = 7;
    const roll = (sides: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * sides);
    };
    const kinds = Object.keys(marksOf) as Kind[];
    const letters = ["a", "b", "ab", "📝", "📄", "aa", " "];
    const some = () =>
      Array.from({ length: 1 + roll(5) }, (): Stretch => [letters[roll(letters.length)] ?? "a", kinds[roll(kinds.length)] ?? ""]);
    for (let round = 0; round < 3000; round += 1) {
      const before = some();
      const after = paragraph(...(roll(3) === 0 ? some() : [...before.slice(0, roll(before.length + 1)), ...some(), ...before.slice(roll(before.length))]));
      const { text, change } = opened(...before);
      change(after);
      assert.deepEqual(said(drawn(text)), said(after), `${drawn(text).toString()} for ${after.toString()} of ${JSON.stringify(before)}`);
      assert.ok(text.toString().isWellFormed());
    }
  });
});
