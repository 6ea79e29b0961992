import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { timeToHurry, waitBeforeAttempt, waitForWindow } from "../../static/src/live/backoff";
import { readClosing, readRefusal } from "../../static/src/live/closing";

void describe("the wait before an attempt", () => {
  void test("is anywhere between nothing and a bound that doubles up to ten seconds", () => {
    assert.equal(waitBeforeAttempt(0, 0), 0);
    assert.equal(waitBeforeAttempt(0, 1), 1);
    assert.equal(waitBeforeAttempt(3, 1), 8);
    assert.equal(waitBeforeAttempt(3, 0.5), 4);
    assert.equal(waitBeforeAttempt(5000, 1), 10);
  });

  void test("is cut short by a person who comes back, but never to a second attempt within a second", () => {
    assert.equal(timeToHurry(20_000, 12_000), 20_000);
    assert.equal(timeToHurry(20_000, 19_700), 20_700);
    assert.equal(timeToHurry(20_000, -Infinity), 20_000);
  });

  void test("keeps to the window that the server named", () => {
    assert.equal(waitForWindow(10, 0.25), 2.5);
  });
});

void describe("a close code", () => {
  void test("from 4400 to 4499 is final, and so are the codes for a broken client", () => {
    for (const code of [4400, 4401, 4409, 4499, 1002, 1008, 1009]) {
      assert.equal(readClosing(code, "").kind, "refused", String(code));
    }
    for (const code of [1000, 1001, 1006, 1011, 4399, 4500, 4508]) {
      assert.equal(readClosing(code, "").kind, "retry", String(code));
    }
  });

  void test("1012 and 1013 carry the server's window", () => {
    assert.deepEqual(readClosing(1012, "The server is restarting. retry-after=7"), { kind: "wait", windowSeconds: 7 });
    assert.deepEqual(readClosing(1013, "Busy."), { kind: "wait", windowSeconds: 3 });
    assert.deepEqual(readClosing(1013, "retry-after=99999"), { kind: "wait", windowSeconds: 300 });
  });

  void test("of one document comes as text", () => {
    assert.deepEqual(readRefusal("4409 other-lineage: The document was replaced."), {
      kind: "refused",
      code: 4409,
      word: "other-lineage",
      sentence: "The document was replaced.",
    });
    assert.equal(readRefusal("4500 not-loaded: Try again.").kind, "retry");
    assert.equal(readRefusal("permission-denied").kind, "refused");
  });
});
