import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findQuote } from "../../static/src/comments/find-quote";
import { decode, encode } from "../../static/src/comments/mentions";
import { beside, listed, portionSize } from "../../static/src/comments/portion";
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

void describe("of many cards", () => {
  const none = { start: 0, end: 0 };
  const size = ({ start, end }: { start: number; end: number }) => end - start;

  void test("all stand beside the text if they are few", () => {
    assert.deepEqual(beside(portionSize, { start: 3, end: 5 }, none), { start: 0, end: portionSize });
    assert.deepEqual(beside(0, none, none), none);
  });

  void test("those in the window stand there, and stay while they are among those that do", () => {
    for (const first of [0, 1, 499, 990, 1000]) {
      const visible = { start: first, end: Math.min(1000, first + 10) };
      const shown = beside(1000, visible, none);
      assert.equal(size(shown), portionSize);
      assert.ok(shown.start <= visible.start && visible.end <= shown.end, String(first));
      assert.deepEqual(beside(1000, visible, shown), shown);
    }
    const shown = beside(1000, { start: 500, end: 510 }, none);
    assert.deepEqual(beside(1000, { start: 505, end: 515 }, shown), shown);
    assert.notDeepEqual(beside(1000, { start: 600, end: 610 }, shown), shown);
    // Some went: there is no portion that ends behind the last one.
    assert.equal(beside(505, { start: 500, end: 505 }, shown).end, 505);
  });

  void test("no more stand there however many belong to one place", () => {
    const shown = beside(1000, { start: 100, end: 900 }, none);
    assert.deepEqual(shown, { start: 100, end: 100 + portionSize });
    assert.deepEqual(beside(1000, { start: 100, end: 900 }, shown), shown);
  });

  void test("a list shows a portion, what was asked for besides, and the active one", () => {
    assert.deepEqual(listed(10, -1, none), { start: 0, end: 10 });
    assert.deepEqual(listed(1000, -1, none), { start: 0, end: portionSize });
    assert.deepEqual(listed(1000, 3, { start: 0, end: 3 * portionSize }), { start: 0, end: 3 * portionSize });
    const shown = listed(1000, 700, none);
    assert.ok(size(shown) === portionSize && shown.start < 700 && 700 < shown.end);
    assert.deepEqual(listed(1000, -1, shown), shown);
    assert.deepEqual(listed(20, -1, shown), { start: 0, end: 20 });
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
