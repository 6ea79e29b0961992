import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findQuote } from "../../static/src/comments/find-quote";
import { decode, encode } from "../../static/src/comments/mentions";
import { stack } from "../../static/src/comments/stacking";

void describe("where a quote stands", () => {
  const text = "The aim is clear.\nThe aim of it is not.";
  const quoted = { quote: "The aim", before: "is clear.\n", after: " of it is not." };
  const lost = { within: null, isNew: false, isFresh: false };

  void test("is told by the words around it, or by its block", () => {
    assert.equal(findQuote(text, quoted, lost), 18);
    assert.equal(findQuote(text, { ...quoted, before: "", after: " of it" }, { ...lost, within: [18, 39] }), 18);
  });

  void test("is not guessed: the same words elsewhere are others", () => {
    assert.equal(findQuote("Aside: The aim.", quoted, lost), null);
    assert.equal(findQuote("Aside: The aim.", quoted, { ...lost, within: [0, 15] }), null);
    assert.equal(findQuote(text, { ...quoted, before: "", after: "" }, lost), null);
    assert.equal(findQuote(text, { quote: "", before: "", after: "" }, { ...lost, isFresh: true }), null);
  });

  void test("is where words came in that were nowhere", () => {
    assert.equal(findQuote("Aside: The aim.", quoted, { ...lost, isNew: true }), 7);
    assert.equal(findQuote(text, { ...quoted, before: "", after: "" }, { ...lost, isNew: true }), null);
  });

  void test("of a program's comment is where its words stand once", () => {
    const bare = { quote: "is clear", before: "", after: "" };
    assert.equal(findQuote(text, bare, { ...lost, isFresh: true }), 8);
    assert.equal(findQuote(text, { ...bare, quote: "The aim" }, { ...lost, isFresh: true }), null);
    assert.equal(findQuote(text, { quote: "The aim", before: "", after: " of" }, { ...lost, isFresh: true }), 18);
  });
});

void describe("cards beside the text", () => {
  const cards = [0, 10, 20, 400].map((top, index) => ({ id: String(index), top, height: 100 }));

  void test("never overlap, and stand level where there is room", () => {
    for (const active of [null, "0", "1", "2", "3"]) {
      const tops = [...stack(cards, active, 12).values()];
      assert.equal(tops[3], 400);
      assert.ok(tops.every((top, index) => top >= 0 && (index === 0 || top >= (tops[index - 1] ?? 0) + 112)), String(tops));
    }
  });

  void test("make room for the active one", () => {
    const low = cards.map((card) => ({ ...card, top: card.top + 500 }));
    assert.equal(stack(low, "2", 12).get("2"), 520);
    assert.equal(stack(low, null, 12).get("2"), 724);
  });
});

void test("a mention is written by name and sent by id, the longest name first", () => {
  const people = [
    { id: "1", name: "Ben", colour: 0 },
    { id: "2", name: "Ben Okri", colour: 0 },
  ];
  const sent = encode("@Ben Okri, ask @Ben ", people);
  assert.equal(sent, "<@2>, ask <@1>");
  assert.equal(decode(sent, people), "@Ben Okri, ask @Ben");
});
