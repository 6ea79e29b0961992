import assert from "node:assert/strict";
import { test } from "node:test";
import * as encoding from "lib0/encoding";
import { readMeaning } from "../../static/src/live/frames";

function frame(name: string, ...numbers: number[]): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, name);
  for (const number of numbers) encoding.writeVarUint(encoder, number);
  return encoding.toUint8Array(encoder);
}

void test("sync frames are told apart by the number after their type", () => {
  assert.equal(readMeaning(frame("doc", 0, 0, 9)), "question");
  assert.equal(readMeaning(frame("doc", 0, 1, 9)), "answer");
  assert.equal(readMeaning(frame("doc", 0, 2, 9)), "update");
  assert.equal(readMeaning(frame("doc", 0, 7, 9)), "other");
});

void test("a sync status says whether the server took an edit", () => {
  assert.equal(readMeaning(frame("doc", 8, 1)), "accepted");
  assert.equal(readMeaning(frame("doc", 8, 0)), "refused");
});

void test("a name beyond ASCII is measured in bytes", () => {
  assert.equal(readMeaning(frame("Ünïcode-📝", 0, 2, 9)), "update");
});

void test("everything else, and what ends too early, means nothing for saving", () => {
  assert.equal(readMeaning(frame("doc", 1, 3)), "other");
  assert.equal(readMeaning(Uint8Array.of(9)), "other");
  assert.equal(readMeaning(Uint8Array.of()), "other");
  assert.equal(readMeaning(frame("doc", 0)), "other");
  assert.equal(readMeaning(Uint8Array.of(200, 1, 65)), "other");
});
