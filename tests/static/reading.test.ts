import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getSchema } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import * as Y from "yjs";
import { cleanAttributes } from "../../static/src/editor/attributes";
import { keepsForeign, stepsAround } from "../../static/src/editor/foreign-guard";
import { ForeignBlock } from "../../static/src/editor/nodes/foreign-block";
import { isPlace } from "../../static/src/editor/presence-place";
import { readBlocks, removeStrangers, strangersIn } from "../../static/src/editor/reading";
import { documentExtensions } from "../../static/src/editor/schema";

const schema = getSchema([...documentExtensions({ writable: true }), ForeignBlock]);

function text(words: string, formatting?: Record<string, unknown>): Y.XmlText {
  const made = new Y.XmlText();
  made.insert(0, words, formatting);
  return made;
}

function element(name: string, attributes: Record<string, unknown>, ...children: (Y.XmlElement | Y.XmlText)[]): Y.XmlElement {
  const made = new Y.XmlElement<Record<string, never>>(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value as never);
  made.insert(0, children);
  return made;
}

function paragraph(words: string): Y.XmlElement {
  return element("paragraph", {}, text(words));
}

/** A document with these blocks, as it comes from elsewhere; its changes are counted from here on. */
function received(...blocks: unknown[]): { fragment: Y.XmlFragment; changes: () => number } {
  const source = new Y.Doc();
  // Another program may take the blocks for a list of anything.
  source.getArray("default").push(blocks);
  return opened(source);
}

function opened(source: Y.Doc): { fragment: Y.XmlFragment; changes: () => number } {
  const document = new Y.Doc();
  let changes = 0;
  Y.applyUpdate(document, Y.encodeStateAsUpdate(source));
  document.on("update", () => {
    changes += 1;
  });
  return { fragment: document.getXmlFragment("default"), changes: () => changes };
}

function read(...blocks: Y.XmlElement[]): Node[] {
  return readAll(received(...blocks));
}

function readAll({ fragment, changes }: ReturnType<typeof received>): Node[] {
  const mapping = new Map();
  const nodes = readBlocks(fragment, schema, mapping);
  assert.equal(changes(), 0, "reading must not write");
  // Throws if anything is not as the schema wants it.
  schema.topNodeType.create(null, nodes.length > 0 ? nodes : [schema.node("paragraph")]).check();
  return nodes;
}

function readNested(depth: number): Node[] {
  const source = new Y.Doc();
  let outer: Y.XmlFragment = source.getXmlFragment("default");
  // One by one: Yjs itself makes a tree that is given at once by recursion.
  for (let level = 1; level < depth; level += 1) {
    const quote = new Y.XmlElement("blockquote");
    outer.push([quote]);
    outer = quote;
  }
  outer.push([paragraph("deep")]);
  return readAll(opened(source));
}

function drawn(nodes: readonly Node[]): string {
  return nodes.map((node) => (node.type.name === "foreignBlock" ? `?${String(node.attrs["text"])}` : node.textContent)).join("|");
}

void describe("a block that does not fit", () => {
  const misfits: Record<string, Y.XmlElement> = {
    "of an unknown kind": element("callout", { colour: "red" }, paragraph("kept")),
    "of a kind that is no block": element("doc", {}, paragraph("kept")),
    "that passes for a foreign one": element("foreignBlock", {}, text("kept")),
    "that belongs into another": element("listItem", {}, paragraph("kept")),
    "in which a text stands bare": element("blockquote", {}, text("kept")),
    "with another kind of block inside": element("bulletList", {}, paragraph("kept")),
    "with something unknown in its line": element("paragraph", {}, text("kept"), element("mention", {})),
    "with text where none can be": element("horizontalRule", {}, text("kept")),
  };
  for (const [what, block] of Object.entries(misfits)) {
    void test(`${what} is shown as its words, and nothing is written`, () => {
      assert.equal(drawn(read(paragraph("before"), block, paragraph("after"))), "before|?kept|after");
    });
  }

  void test("by its depth is shown as its words from the depth on that the server leaves out", () => {
    assert.equal(drawn(readNested(64)), "deep");
    assert.equal(drawn(readNested(65)), "?deep");
    assert.equal(drawn(readNested(1000)), "?deep");
  });

  void test("because something is embedded in its text is shown as its words", () => {
    const embedding = text("kept");
    embedding.applyDelta([{ insert: { image: "x" } }]);
    assert.equal(drawn(read(element("paragraph", {}, embedding))), "?kept");
    const holding = new Y.XmlElement("paragraph");
    holding.insert(0, [new Y.Array() as unknown as Y.XmlText]);
    assert.equal(drawn(read(holding)), "?");
  });

  void test("because its table would have to be filled up without end is shown as its words", () => {
    const cell = (colspan: number) => element("tableCell", { colspan }, paragraph("x"));
    const wide = element("tableRow", {}, ...Array.from({ length: 60 }, () => cell(100)));
    const thin = Array.from({ length: 5 }, () => element("tableRow", {}, cell(1)));
    assert.match(drawn(read(element("table", {}, wide, ...thin))), /^\?x x/);
  });
});

void describe("reading", () => {
  void test("passes over what is empty after two people deleted its halves, and leaves it there", () => {
    const list = element("bulletList", {}, element("listItem", {}), element("listItem", {}, paragraph("one")));
    assert.equal(drawn(read(paragraph("a"), element("orderedList", {}), list)), "a|one");
    assert.equal(drawn(read(element("bulletList", {}, element("listItem", {})))), "");
  });

  void test("takes only values that are allowed", () => {
    const [heading, list, image, code] = read(
      element("heading", { level: 99, id: { $: 1 }, onclick: "alert(1)" }, text("h")),
      element("orderedList", { start: 1e300 }, element("listItem", {}, paragraph("x"))),
      element("image", { src: "java\nscript:alert(1)", alt: "a".repeat(5000), width: -3, height: [1] }),
      element("codeBlock", { language: '"><script>' }, text("x", { bold: {} })),
    );
    assert.deepEqual([heading?.attrs["id"], heading?.attrs["level"], heading?.attrs["onclick"]], [null, 1, undefined]);
    assert.equal(list?.attrs["start"], 1);
    assert.deepEqual([image?.attrs["src"], image?.attrs["width"], image?.attrs["height"]], [null, null, null]);
    assert.equal(String(image?.attrs["alt"]).length, 1000);
    assert.equal(code?.attrs["language"], null);
    assert.equal(code?.firstChild?.marks.length, 0);
  });

  void test("gives no link an address that runs, and no mark that is unknown", () => {
    const words = text("x", { link: { href: "javascript:alert(1)" }, underline: {}, "bold--12345678": true });
    const marks = read(element("paragraph", {}, words))[0]?.firstChild?.marks ?? [];
    assert.deepEqual(
      marks.map((mark) => [mark.type.name, mark.attrs["href"]]),
      [
        ["link", null],
        ["bold", undefined],
      ],
    );
  });

  void test("finds what is no block at all, and can take it out", () => {
    const { fragment } = received(paragraph("a"), 7, { a: [1] }, text("bare"), paragraph("b"));
    assert.deepEqual(strangersIn(fragment), [1, 2, 3]);
    removeStrangers(fragment);
    assert.deepEqual(strangersIn(fragment), []);
    assert.equal(drawn(readBlocks(fragment, schema, new Map())), "a|b");
  });
});

void test("values of attributes are those that the server allows", () => {
  const given = { colspan: 1e9, rowspan: 2, colwidth: [10, "x"], checked: "yes", href: "mailto:a@b.c", src: "mailto:a@b.c" };
  const specs = Object.fromEntries(Object.keys(given).map((name) => [name, { default: null }]));
  assert.deepEqual(cleanAttributes(specs, given), {
    colspan: 1,
    rowspan: 2,
    colwidth: null,
    checked: false,
    href: "mailto:a@b.c",
    src: null,
  });
});

void describe("a change around foreign blocks", () => {
  const block = (words: string) => schema.node("paragraph", null, words === "" ? [] : [schema.text(words)]);
  const [a, b, c, d] = ["a", "b", "c", "d"].map(block) as [Node, Node, Node, Node];
  const [p, q] = [schema.node("foreignBlock", { text: "p" }), schema.node("foreignBlock", { text: "q" })];
  const whole = (...blocks: Node[]) => schema.topNodeType.create(null, blocks);

  void test("may delete them and move others past them, and nothing else", () => {
    const before = whole(a, p, b, q);
    for (const after of [whole(a, p, q), whole(a, q), whole(c), whole(p, a, b, q), whole(a, b, p, c, q)]) {
      assert.equal(keepsForeign(before, after), true, String(after));
    }
    const copy = schema.node("foreignBlock", { text: "p" });
    for (const after of [whole(a, q, b, p), whole(a, p, p, q), whole(a, copy, b, q), whole(schema.node("blockquote", null, [p]))]) {
      assert.equal(keepsForeign(before, after), false, String(after));
    }
  });

  void test("goes in steps of which none changes both sides of one", () => {
    assert.deepEqual(stepsAround([a, b], [c, d]), [[c, d]]);
    assert.deepEqual(stepsAround([a, p, b], [c, p, d]), [
      [c, p, b],
      [c, p, d],
    ]);
    assert.deepEqual(stepsAround([a, p, b, q], [a, p, b, q]), []);
    assert.deepEqual(stepsAround([a, p, b, q], [a, b, q]), [[a, b, q]]);
  });

  void test("takes away first what moves past one", () => {
    assert.deepEqual(stepsAround([a, p, b], [a, b, p]), [
      [a, p],
      [a, b, p],
    ]);
  });
});

void test("a place that another program tells is looked up only if it can be one", () => {
  const id = { client: 5, clock: 7 };
  for (const good of [{ type: id, item: null, assoc: -1 }, { tname: "default", item: id }, { type: null, item: id }]) {
    assert.equal(isPlace(good), true, JSON.stringify(good));
  }
  const bad = [null, 1, "x", {}, { item: 5 }, { item: { client: 5, clock: -1 } }, { item: { client: 5, clock: 0.5 } }, { tname: "other" }];
  for (const each of [...bad, { type: { client: "5", clock: 1 } }, { item: id, assoc: "x" }]) {
    assert.equal(isPlace(each), false, JSON.stringify(each));
  }
});
