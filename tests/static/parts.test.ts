import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import { readMeaning } from "../../static/src/live/frames";
import { inParts } from "../../static/src/live/parts";

const limits = { largestBytes: 3000, partBytes: 1000 };

function answer(update: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, "document");
  encoding.writeVarUint(encoder, 0);
  encoding.writeVarUint(encoder, 1);
  encoding.writeVarUint8Array(encoder, update);
  return encoding.toUint8Array(encoder);
}

function updateOf(frame: Uint8Array): Uint8Array {
  const decoder = decoding.createDecoder(frame);
  assert.equal(decoding.readVarString(decoder), "document");
  decoding.readVarUint(decoder);
  decoding.readVarUint(decoder);
  return decoding.readVarUint8Array(decoder);
}

/** The same numbers in each run, so that what fails once fails again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** Two people who see each other's writing, on top of what the server has. */
function written(seed: number): { server: Y.Doc; author: Y.Doc } {
  const roll = dice(seed);
  const server = new Y.Doc();
  server.getXmlFragment("default").insert(0, [new Y.XmlElement("paragraph")]);
  const people = [new Y.Doc(), new Y.Doc()];
  for (const person of people) Y.applyUpdate(person, Y.encodeStateAsUpdate(server));
  const [author, other] = people;
  assert.ok(author !== undefined && other !== undefined);
  for (let step = 0; step < 120; step += 1) {
    const person = roll(2) === 0 ? author : other;
    const body = person.getXmlFragment("default");
    const paragraph = new Y.XmlElement("paragraph");
    const text = new Y.XmlText();
    paragraph.insert(0, [text]);
    paragraph.setAttribute("id", String(step));
    body.insert(roll(body.length + 1), [paragraph]);
    text.insert(0, "words 😀 ".repeat(1 + roll(12)));
    text.format(0, 3, { bold: {} });
    if (roll(3) === 0) body.delete(roll(body.length), 1);
    person.getMap("meta").set("title", `title ${String(step)}`);
    if (roll(4) === 0) for (const [from, to] of [people, people.toReversed()]) {
      if (from !== undefined && to !== undefined) Y.applyUpdate(to, Y.encodeStateAsUpdate(from));
    }
  }
  Y.applyUpdate(author, Y.encodeStateAsUpdate(other));
  return { server, author };
}

void describe("a frame that is larger than servers take", () => {
  void test("becomes parts of which each builds only on those before it", () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const { server, author } = written(seed);
      const frame = answer(Y.encodeStateAsUpdate(author, Y.encodeStateVector(server)));
      const parts = inParts(frame, limits);
      assert.ok(parts.length > 3, String(parts.length));
      assert.deepEqual(parts.map(readMeaning), [...parts.slice(1).map(() => "update"), "answer"]);
      for (const part of parts) {
        Y.applyUpdate(server, updateOf(part));
        assert.equal(server.store.pendingStructs, null);
        assert.equal(server.store.pendingDs, null);
      }
      for (const part of parts.slice(0, -1)) assert.ok(part.length < 2 * limits.partBytes);
      assert.deepEqual(server.getXmlFragment("default").toString(), author.getXmlFragment("default").toString());
      assert.deepEqual(Y.encodeStateAsUpdate(server), Y.encodeStateAsUpdate(author));
    }
  });

  void test("stays whole while it is small enough, is none of text, or is one single piece", () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "a".repeat(2000));
    const small = answer(Y.encodeStateAsUpdate(doc));
    assert.deepEqual(inParts(small, limits), [small]);
    const pasted = new Y.Doc();
    pasted.getText("text").insert(0, "a".repeat(4000));
    const large = answer(Y.encodeStateAsUpdate(pasted));
    assert.deepEqual(inParts(large, limits).map(readMeaning), ["answer"]);
    large[10] = 5;
    assert.deepEqual(inParts(large, limits), [large]);
  });
});
