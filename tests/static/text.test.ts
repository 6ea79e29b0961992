import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as Y from "yjs";
import { completeAddress, isSafeAddress } from "../../static/src/editor/addresses";
import { findItems } from "../../static/src/editor/slash-filter";
import { longestQuery, opensMenu, queryBefore } from "../../static/src/editor/slash-query";
import { diffText, moveThrough } from "../../static/src/editor/text-diff";
import { initials, peopleHere } from "../../static/src/live/presence";

function applied(before: string, after: string, caret: number): string {
  const change = diffText(before, after, caret);
  if (change === null) return before;
  return before.slice(0, change.at) + change.inserted + before.slice(change.at + change.removed);
}

void describe("the difference of two titles", () => {
  void test("always leads from the one to the other, wherever the caret is said to be", () => {
    const texts = ["", "a", "aa", "aaa", "abab", "plan", "the plan", "📝", "📝📝", "📝📄", "a📝b"];
    for (const before of texts) {
      for (const after of texts) {
        for (let caret = -1; caret <= after.length + 1; caret += 1) {
          assert.equal(applied(before, after, caret), after, `${before} → ${after} at ${String(caret)}`);
        }
      }
    }
  });

  void test("puts a repeated letter where the caret is", () => {
    assert.deepEqual(diffText("aaa", "aaaa", 2), { at: 1, removed: 0, inserted: "a" });
    assert.deepEqual(diffText("aaa", "aaaa", 4), { at: 3, removed: 0, inserted: "a" });
  });

  void test("never cuts a pair of surrogates in two", () => {
    // Both pictures begin with the same half.
    assert.deepEqual(diffText("📝", "📄", 2), { at: 0, removed: 2, inserted: "📄" });
    assert.deepEqual(diffText("a📝b", "a📄b", 3), { at: 1, removed: 2, inserted: "📄" });
  });

  void test("is nothing for equal texts", () => {
    assert.equal(diffText("same", "same", 2), null);
  });
});

void describe("a caret through somebody else's change", () => {
  const move = (before: string, change: (text: Y.Text) => void, position: number): number => {
    const text = new Y.Doc().getText();
    text.insert(0, before);
    let moved = position;
    text.observe((event) => {
      moved = moveThrough(event.delta, position);
    });
    change(text);
    return moved;
  };

  void test("moves with what comes and goes before it", () => {
    assert.equal(move("a plan", (text) => { text.insert(0, "Our "); }, 3), 7);
    assert.equal(move("our plan", (text) => { text.delete(0, 4); }, 6), 2);
    assert.equal(move("our plan", (text) => { text.delete(2, 6); }, 4), 2);
  });

  void test("stays when something is put exactly at it or behind it", () => {
    assert.equal(move("plan", (text) => { text.insert(4, "!"); }, 4), 4);
    assert.equal(move("plan", (text) => { text.insert(3, "!"); }, 1), 1);
  });
});

void describe("the slash menu", () => {
  const items = [
    { name: "Heading 1", also: "h1 title" },
    { name: "Bullet list", also: "ul unordered" },
    { name: "Numbered list", also: "ol ordered" },
    { name: "Quote", also: "citation" },
  ];
  const names = (typed: string): string[] => findItems(items, typed).map((item) => item.name);

  void test("shows all in their order before anything is typed", () => {
    assert.deepEqual(names(""), items.map((item) => item.name));
  });

  void test("finds by the beginning of the name first, then by any word, then by a part", () => {
    assert.deepEqual(names("n"), ["Numbered list", "Heading 1"]);
    assert.deepEqual(names("list"), ["Bullet list", "Numbered list"]);
    assert.deepEqual(names("ord"), ["Numbered list"]);
    assert.deepEqual(names("uot"), ["Quote"]);
  });

  void test("takes no account of case and accents, and can find nothing", () => {
    assert.deepEqual(names("QUÖTE"), ["Quote"]);
    assert.deepEqual(names("zebra"), []);
  });

  void test("opens at the start of a line or after a space only", () => {
    assert.equal(opensMenu(""), true);
    assert.equal(opensMenu("see "), true);
    assert.equal(opensMenu("and"), false);
  });

  void test("is a search until the text reads like a sentence", () => {
    assert.equal(queryBefore("see /head"), "head");
    assert.equal(queryBefore("/heading 1"), "heading 1");
    assert.equal(queryBefore("/ then"), null);
    assert.equal(queryBefore("and/or"), null);
    assert.equal(queryBefore("no slash"), null);
    assert.equal(queryBefore(`/${"x".repeat(longestQuery + 1)}`), null);
  });
});

void describe("an address", () => {
  void test("is safe with the schemes of the web and of mail, and without one", () => {
    for (const address of ["https://a.org", "HTTP://a.org", "mailto:a@b.org", "/documents", "#part", "a.org/x:y"]) {
      assert.equal(isSafeAddress(address), true, address);
    }
    for (const address of ["javascript:alert(1)", " java\nscript:alert(1)", "\u0001javascript:x", "data:text/html,x", "vbscript:x"]) {
      assert.equal(isSafeAddress(address), false, address);
    }
  });

  void test("is completed from what a person types", () => {
    assert.equal(completeAddress("quillroom.org"), "https://quillroom.org");
    assert.equal(completeAddress(" ada@example.org "), "mailto:ada@example.org");
    assert.equal(completeAddress("/documents/1"), "/documents/1");
    assert.equal(completeAddress("javascript:alert(1)"), null);
    assert.equal(completeAddress("  "), null);
  });
});

void describe("the people here", () => {
  const ada = { id: "a", name: "Ada Lovelace", colour: 3 };
  const grace = { id: "g", name: "Grace", colour: 14, role: "editor" };

  void test("are the others, each once, idle only when idle in every window", () => {
    const states = new Map<number, unknown>([
      [1, { user: ada }],
      [2, { user: grace, idle: true }],
      [3, { user: grace, idle: false, title: true, device: "phone" }],
      [4, { user: ada }],
    ]);
    assert.deepEqual(peopleHere(states, 1), [
      {
        id: "g",
        name: "Grace",
        colour: 2,
        role: "editor",
        idle: false,
        awaySince: null,
        inTitle: true,
        device: "phone",
        clients: [2, 3],
      },
    ]);
    assert.equal(peopleHere(new Map(states).set(3, { user: grace, idle: true }), 1)[0]?.idle, true);
  });

  void test("are not made up from states that another program wrote", () => {
    const odd = new Map<number, unknown>([
      [1, null],
      [2, {}],
      [3, { user: { id: 5, name: "x" } }],
      [4, { user: { id: "x", name: "  " } }],
      [5, "text"],
    ]);
    assert.deepEqual(peopleHere(odd, 9), []);
  });

  void test("have initials", () => {
    assert.equal(initials("Ada Lovelace"), "AL");
    assert.equal(initials("ada"), "A");
    assert.equal(initials("Émile de la Tour"), "ÉT");
  });
});
