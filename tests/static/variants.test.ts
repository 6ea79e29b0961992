import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getSchema } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { EditorState } from "@tiptap/pm/state";
import { prosemirrorToYXmlFragment } from "@tiptap/y-tiptap";
import * as Y from "yjs";
import { documentExtensions } from "../../static/src/editor/schema";
import { changesBetween, compareWords, mergeInto, type Replacement } from "../../static/src/variants/compare";
import { applyMerge, planMerge } from "../../static/src/variants/merging";
import { readOverlay, splitTags, variantsOf } from "../../static/src/variants/overlay";
import { baseOf, plainOf } from "../../static/src/variants/plain";
import { layOut } from "../../static/src/variants/resolve";
import { readText, Variant } from "../../static/src/variants/variant";
import { readBody, wholeOf } from "../../static/src/variants/whole";

const schema = getSchema(documentExtensions({ writable: true }));
const account = "0b0d2a36-55c4-4a41-9f4e-1d1f3a0c7c11";

function paragraph(id: string, words: string): Node {
  return schema.node("paragraph", { id }, words === "" ? [] : [schema.text(words)]);
}

function opened(...blocks: Node[]): Y.Doc {
  const document = new Y.Doc();
  document.getMap("meta").set("title", new Y.Text("Plan"));
  prosemirrorToYXmlFragment(schema.node("doc", null, blocks), document.getXmlFragment("default"));
  return document;
}

function copyOf(document: Y.Doc): Y.Doc {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document));
  return copy;
}

function meet(one: Y.Doc, other: Y.Doc): void {
  Y.applyUpdate(one, Y.encodeStateAsUpdate(other));
  Y.applyUpdate(other, Y.encodeStateAsUpdate(one));
}

function said(document: Y.Doc): string[] {
  const { body } = wholeOf(document, schema, account, readBody(document, schema));
  return body.map((node) => schema.nodeFromJSON(node).textContent);
}

function first(document: Y.Doc): Node {
  const [block] = readBody(document, schema);
  assert.ok(block);
  return block;
}

/** Writes other words into the first block of a text. */
function rewrite(document: Y.Doc, root: string, words: string): void {
  const element = document.getXmlFragment(root).get(0) as Y.XmlElement;
  const text = element.get(0) as Y.XmlText;
  text.delete(0, text.length);
  text.insert(0, words);
}

function after(text: string, changes: readonly Replacement[]): string {
  return [...changes].reverse().reduce((now, { from, to, inserted }) => now.slice(0, from) + inserted + now.slice(to), text);
}

void describe("a variant", () => {
  const blocks = [paragraph("a", "We move."), paragraph("b", "Second floor."), paragraph("c", "Bring a chair.")];

  void test("follows the document but where it was adapted or left out", () => {
    const document = opened(...blocks);
    const variant = new Variant(document, account, schema);
    assert.deepEqual(said(document), ["We move.", "Second floor.", "Bring a chair."]);
    variant.adapt(first(document));
    rewrite(document, variant.roots.block("a"), "We move on Monday!");
    variant.leaveOut(readBody(document, schema)[1] as Node);
    rewrite(document, "default", "We move in autumn.");
    assert.deepEqual(said(document), ["We move on Monday!", "Bring a chair."]);
    assert.deepEqual(layOut(readBody(document, schema), variant.read()).places[0]?.drift, { was: "We move.", now: "We move in autumn." });
    variant.follow("a");
    variant.follow("b");
    assert.deepEqual(said(document), ["We move in autumn.", "Second floor.", "Bring a chair."]);
    assert.deepEqual([...variantsOf(document).keys()], []);
  });

  void test("is undone step by step, its texts with what was decided, and nobody else's", () => {
    const document = opened(...blocks);
    const variant = new Variant(document, account, schema);
    const other = new Variant(document, account.replace("0b0d", "7d9b"), schema);
    variant.adapt(first(document));
    variant.addTitle("Moving");
    other.addTitle("Elsewhere");
    variant.leaveOut(readBody(document, schema)[2] as Node);
    variant.undo.undo();
    assert.deepEqual([...variant.read().blocks.keys()], ["a"]);
    variant.undo.undo();
    assert.equal(variant.read().hasTitle, false);
    variant.undo.undo();
    assert.deepEqual(said(document), ["We move.", "Second floor.", "Bring a chair."]);
    assert.equal(other.read().hasTitle, true);
    variant.undo.redo();
    variant.undo.redo();
    assert.equal(wholeOf(document, schema, account, readBody(document, schema)).title, "Moving");
    assert.equal(variant.read().blocks.get("a")?.kind, "adapted");
  });

  void test("loses nothing of two people who begin at once", () => {
    const one = opened(...blocks);
    const two = copyOf(one);
    const [mine, theirs] = [new Variant(one, account, schema), new Variant(two, account, schema)];
    mine.adapt(readBody(one, schema)[0] as Node);
    theirs.adapt(readBody(two, schema)[1] as Node);
    mine.addReply();
    theirs.addReply();
    mine.adapt(readBody(one, schema)[2] as Node);
    theirs.adapt(readBody(two, schema)[2] as Node);
    meet(one, two);
    for (const document of [one, two]) {
      const overlay = readOverlay(variantsOf(document), account);
      assert.deepEqual([...overlay.blocks.keys()].sort(), ["a", "b", "c"]);
      assert.equal(overlay.replies.length, 2);
      // The same block in the same instant: its text twice, which a person sees, and nothing lost.
      assert.deepEqual(said(document), ["We move.", "Second floor.", "Bring a chair.", "Bring a chair."]);
    }
    assert.deepEqual(mine.read().replies, theirs.read().replies);
  });

  void test("of its own leaves out what is not adapted, also what comes later", () => {
    const document = opened(...blocks);
    const variant = new Variant(document, account, schema);
    variant.adapt(first(document));
    variant.setOwn(true);
    assert.equal(variant.read().hasStart, false);
    const later = new Y.XmlElement("paragraph");
    later.setAttribute("id", "d");
    document.getXmlFragment("default").insert(0, [later]);
    assert.deepEqual(said(document), ["We move."]);
    variant.setOwn(false);
    assert.equal(said(document).length, 4);
  });

  void test("keeps in sight what was written for a block that is gone", () => {
    const document = opened(...blocks);
    const variant = new Variant(document, account, schema);
    variant.adapt(first(document));
    rewrite(document, variant.roots.block("a"), "Only here.");
    document.getXmlFragment("default").delete(0, 1);
    assert.deepEqual(layOut(readBody(document, schema), variant.read()).orphans, ["a"]);
    assert.deepEqual(said(document), ["Second floor.", "Bring a chair."]);
    variant.keepOrphan("a");
    assert.deepEqual(said(document), ["Only here.", "Second floor.", "Bring a chair."]);
    assert.deepEqual(layOut(readBody(document, schema), variant.read()).orphans, []);
  });

  void test("takes what another program wrote for nothing if it is not well formed", () => {
    const document = opened(...blocks);
    const map = variantsOf(document);
    const junk: unknown[] = [1, null, "own!", [], { kind: "gone" }, { kind: 1 }, { at: Infinity }, { at: "1" }];
    for (const [number, value] of junk.entries()) {
      for (const name of ["text", "start", "title", "link", `block/${String(number)}`, "block/a/b", "block/ü", `reply/${String(number)}`, "x"]) {
        map.set(`${account}/${name}`, value);
      }
      assert.deepEqual(said(document), ["We move.", "Second floor.", "Bring a chair."]);
    }
  });

  void test("takes tags as they are typed", () => {
    assert.deepEqual(splitTags(" #Autumn,, big  plans ,#,Autumn"), ["Autumn", "big plans"]);
    assert.equal(splitTags(Array.from({ length: 30 }, (_, at) => `t${String(at)}`).join()).length, 20);
  });

  void test("remembers of a block no more than there is room for, and no half signs", () => {
    assert.equal(baseOf(paragraph("a", "x".repeat(3000))).length, 2000);
    assert.equal(baseOf(paragraph("a", `${"x".repeat(1999)}📝`)), "x".repeat(1999));
  });
});

void describe("the difference of two texts", () => {
  const texts = ["", "a", "We move.", "We move in autumn.", "In autumn we all move, and the rest.", "Zug um Zug\n\nneu 📝", "📝📄", "it's one’s own"];

  void test("leads from the one to the other", () => {
    for (const before of texts) {
      for (const now of texts) {
        const stretches = compareWords(before, now);
        assert.equal(stretches.filter(({ kind }) => kind !== "added").map(({ text }) => text).join(""), before);
        assert.equal(stretches.filter(({ kind }) => kind !== "removed").map(({ text }) => text).join(""), now);
        assert.equal(after(before, changesBetween(before, now)), now);
      }
    }
  });

  void test("is put into a third text where nobody else wrote", () => {
    const merged = (base: string, theirs: string, mine: string) => {
      const changes = mergeInto(base, theirs, mine);
      return changes && after(mine, changes);
    };
    const base = "We move in autumn to the second floor.";
    assert.equal(merged(base, base.replace("second", "third"), `Soon! ${base}`), "Soon! We move in autumn to the third floor.");
    assert.equal(merged(base, base.replace("autumn", "late autumn"), base.replace("second floor", "top")), "We move in late autumn to the top.");
    assert.equal(merged(base, `${base} All of us.`, base.replace("We", "They")), "They move in autumn to the second floor. All of us.");
    assert.equal(merged(base, base, "else"), "else");
    assert.equal(merged(base, base.replace("autumn", "winter"), base.replace("autumn", "spring")), null);
    assert.equal(merged(base, base.replace("autumn", "winter"), base.replace("in autumn", "now")), null);
    for (const one of texts) {
      for (const other of texts) assert.equal(merged(one, other, one), other, `${one} → ${other}`);
    }
  });

  void test("is put together within the paragraph that it is about, with its formats", () => {
    const bold = schema.mark("bold");
    const mine = [schema.node("paragraph", { id: "a" }, [schema.text("Soon "), schema.text("we move", [bold]), schema.text(" to the second floor.")])];
    const drift = { was: "we move to the second floor.", now: "we go to the third floor." };
    const changes = planMerge(drift, mine);
    assert.ok(changes);
    const state = EditorState.create({ doc: schema.node("doc", null, mine) });
    const { doc } = applyMerge(state.tr, changes);
    assert.equal(doc.textContent, "Soon we go to the third floor.");
    assert.equal(doc.firstChild?.child(1).textContent, "we go");
    assert.equal(planMerge({ was: "one two", now: "one\ntwo" }, [paragraph("a", "one two")]), null);
  });

  void test("knows where each letter stands", () => {
    const list = schema.node("bulletList", { id: "l" }, [schema.node("listItem", { id: "i" }, [paragraph("p", "deep")])]);
    const blocks = [paragraph("a", "ab"), list, schema.node("image", { src: "/assets/1", alt: "Sea" })];
    const { text, places } = plainOf(blocks);
    assert.equal(text, "ab\ndeep\nSea /assets/1");
    const doc = schema.node("doc", null, blocks);
    places.forEach((place, at) => {
      if (place !== -1) assert.equal(doc.textBetween(place, place + 1), text[at]);
    });
    assert.deepEqual(readText(opened(...blocks), "default", schema).length, 3);
  });
});
