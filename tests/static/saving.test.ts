import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FrameMeaning } from "../../static/src/live/frames";
import { countChange, noEdits } from "../../static/src/live/edit-count";
import { type SaveFacts, saveState, slowAfterSeconds, storingGraceMilliseconds, wouldLose } from "../../static/src/live/save-state";
import { countIncoming, countOutgoing, emptyTally, isSettled, type Tally } from "../../static/src/live/tally";

type Step = readonly ["out" | "in", FrameMeaning];

function after(...steps: readonly Step[]): Tally {
  return steps.reduce<Tally>(
    (tally, [way, meaning]) => (way === "out" ? countOutgoing(tally, meaning) : countIncoming(tally, meaning)),
    emptyTally,
  );
}

const handshake: readonly Step[] = [
  ["out", "question"],
  ["in", "answer"],
  ["in", "question"],
  ["out", "answer"],
  ["in", "accepted"],
];

void describe("the tally of a socket", () => {
  void test("settles when both sides have answered and the server has taken our answer", () => {
    for (let length = 0; length < handshake.length; length += 1) {
      assert.equal(isSettled(after(...handshake.slice(0, length))), false, `after ${String(length)} frames`);
    }
    assert.equal(isSettled(after(...handshake)), true);
  });

  void test("does not settle before the server asked, though all that was sent is acknowledged", () => {
    // The edits of an offline hour leave only with the answer to that question.
    assert.equal(isSettled(after(["out", "question"], ["in", "answer"], ["out", "update"], ["in", "accepted"])), false);
  });

  void test("counts every update, also those sent while earlier ones are on their way", () => {
    const typing: Step[] = [...handshake, ["out", "update"], ["out", "update"], ["in", "accepted"]];
    assert.equal(isSettled(after(...typing)), false);
    assert.equal(isSettled(after(...typing, ["in", "accepted"])), true);
  });

  void test("never settles again on a socket on which the server refused an edit", () => {
    const refused: Step[] = [...handshake, ["out", "update"], ["in", "refused"], ["in", "accepted"]];
    assert.equal(isSettled(after(...refused)), false);
  });

  void test("frames of others change nothing", () => {
    assert.deepEqual(after(...handshake, ["in", "update"], ["in", "other"], ["out", "other"]), after(...handshake));
  });
});

const calm: SaveFacts = {
  online: true,
  link: "open",
  secondsLeft: 0,
  settled: true,
  turnedDown: false,
  unsavedEdits: 0,
  keptHere: true,
  keptEdits: 0,
  storingMilliseconds: 0,
  unconfirmedSeconds: 0,
  mayWrite: true,
};

void describe("the save state", () => {
  void test("is Saved only when open, settled and nothing else is known against it", () => {
    assert.deepEqual(saveState(calm), { kind: "saved" });
    const spoilers: Partial<SaveFacts>[] = [
      { online: false },
      { link: "connecting" },
      { link: "waiting", secondsLeft: 3 },
      { link: "refused" },
      { link: "idle" },
      { settled: false },
      { turnedDown: true },
    ];
    for (const spoiler of spoilers) {
      for (const unsavedEdits of [0, 2]) {
        assert.notEqual(saveState({ ...calm, ...spoiler, unsavedEdits }).kind, "saved", JSON.stringify(spoiler));
      }
    }
  });

  void test("says Saving for an edit under way, and says more when it takes long", () => {
    const facts = { ...calm, settled: false, unsavedEdits: 1 };
    assert.equal(saveState(facts).kind, "saving");
    assert.deepEqual(saveState({ ...facts, unconfirmedSeconds: slowAfterSeconds }), {
      kind: "slow",
      edits: 1,
      keptHere: true,
    });
  });

  void test("names the edits that are kept here while offline", () => {
    assert.deepEqual(saveState({ ...calm, online: false, settled: false, unsavedEdits: 3 }), {
      kind: "offline",
      edits: 3,
      keptHere: true,
    });
  });

  void test("tells what the store holds while it takes a letter, and what it lacks when it takes long or fails", () => {
    const facts = { ...calm, online: false, settled: false, unsavedEdits: 3, keptHere: false, keptEdits: 2 };
    const offline = (storingMilliseconds: number) => saveState({ ...facts, storingMilliseconds });
    assert.deepEqual(offline(storingGraceMilliseconds - 1), { kind: "offline", edits: 2, keptHere: true });
    assert.deepEqual(offline(storingGraceMilliseconds), { kind: "offline", edits: 3, keptHere: false });
    assert.deepEqual(offline(Infinity), { kind: "offline", edits: 3, keptHere: false });
  });

  void test("does not call edits nothing while the store takes them", () => {
    const facts = { ...calm, link: "refused", unsavedEdits: 1, keptHere: false, storingMilliseconds: 5 } as const;
    assert.equal(saveState(facts).kind, "notSaved");
  });

  void test("offline wins over the countdown: retrying now would be no use", () => {
    assert.equal(saveState({ ...calm, online: false, link: "waiting", secondsLeft: 9 }).kind, "offline");
  });

  void test("counts down while it waits", () => {
    const state = saveState({ ...calm, link: "waiting", secondsLeft: 4, settled: false, unsavedEdits: 2, keptHere: false, storingMilliseconds: Infinity });
    assert.deepEqual(state, { kind: "reconnecting", seconds: 4, edits: 2, keptHere: false });
  });

  void test("tells a reader that they read, and never that something is saved", () => {
    assert.equal(saveState({ ...calm, mayWrite: false }).kind, "readOnly");
    assert.equal(saveState({ ...calm, mayWrite: false, link: "connecting" }).kind, "opening");
  });

  void test("does not hide edits of somebody who lost the right to write", () => {
    assert.deepEqual(saveState({ ...calm, turnedDown: true, settled: false, mayWrite: false, unsavedEdits: 2 }), {
      kind: "notSaved",
      edits: 2,
      keptHere: true,
    });
    assert.equal(saveState({ ...calm, link: "refused" }).kind, "stopped");
  });
});

void test("leaving is held back only for what is neither committed nor in this browser", () => {
  assert.equal(wouldLose({ settled: false, unsavedEdits: 1, keptHere: false }), true);
  assert.equal(wouldLose({ settled: false, unsavedEdits: 1, keptHere: true }), false);
  assert.equal(wouldLose({ settled: true, unsavedEdits: 1, keptHere: false }), false);
  assert.equal(wouldLose({ settled: false, unsavedEdits: 0, keptHere: false }), false);
});

void describe("the count of edits", () => {
  void test("takes a burst of letters for one edit", () => {
    const count = [0, 100, 250, 600, 1200].reduce(countChange, noEdits(0));
    assert.equal(count.edits, 2);
    assert.equal(count.since, 0);
  });

  void test("goes on from the edits of an earlier visit", () => {
    assert.equal(countChange(noEdits(3), 50).edits, 4);
  });
});
