// How people write: words with slips that are taken back, and jumps to other places. The same history in every run.
import { Client, editFrame } from "./client.mjs";
import { random, schedule, until } from "./clock.mjs";
import { FIRST_ID } from "./ledger.mjs";
import { eachRun } from "./wire.mjs";
import { Y } from "./yjs.mjs";

const SYLLABLES = ["ka", "lo", "mi", "ren", "tu", "sa", "ver", "no", "qui", "ll", "ing", "es", "the", "an", "or", "da"];
const SLIP = 0.02;
const LONGEST_SLIP = 6;
const JUMP = 0.002;
const LOST_WORD = 0.01;
const AUTHORS = 8;
// Apart from those who will type into the same document.
const FIRST_AUTHOR = 2_000_000_000;
// About what a sentence adds to a document's state: its letters, and that they stand apart.
const SENTENCE_BYTES = 160;
const DRAIN_SECONDS = 20;

/** Type `count` keystrokes into `text`, from `seed`; the last one is a letter. */
export function write(text, count, seed) {
  const chance = random(seed);
  const waiting = [];
  let at = text.length;
  const remove = (length) => {
    for (let left = Math.min(length, at); left > 0; left--) waiting.push({ gone: true });
  };
  for (let done = 0; done < count; ) {
    if (waiting.length === 0) {
      const luck = chance();
      if (luck < JUMP) at = Math.floor(chance() * (text.length + 1));
      if (luck < LOST_WORD) remove(3 + Math.floor(chance() * 8));
      const word = Array.from({ length: 1 + Math.floor(chance() * 4) }, () => SYLLABLES[Math.floor(chance() * 16)]);
      for (const letter of `${word.join("")} `) {
        waiting.push({ letter });
        if (chance() > SLIP) continue;
        const slip = 1 + Math.floor(chance() * LONGEST_SLIP);
        for (let place = 0; place < slip; place++) waiting.push({ letter: "e" });
        for (let place = 0; place < slip; place++) waiting.push({ gone: true });
      }
    }
    const { letter, gone } = done === count - 1 ? { letter: "." } : waiting.shift();
    if (gone && at === 0) continue;
    if (gone) text.delete(--at, 1);
    else text.insert(at++, letter);
    done += 1;
  }
}

/**
 * A document of at least so many bytes of state that several people have written and worked over: the updates that made
 * it, its state, and how many letters it shows.
 */
export function largeDocument(size) {
  const doc = new Y.Doc();
  const text = doc.getText("bench");
  const updates = [];
  doc.on("update", (update) => updates.push(update));
  const chance = random(size);
  const word = () => Array.from({ length: 1 + Math.floor(chance() * 4) }, () => SYLLABLES[Math.floor(chance() * 16)]).join("");
  let state = Buffer.alloc(0);
  while (state.length < size) {
    doc.clientID = FIRST_AUTHOR + (updates.length % AUTHORS);
    // As much as is missing, in sentences; each is put somewhere, and some letters there are taken away.
    for (let left = Math.ceil((size - state.length) / SENTENCE_BYTES); left > 0; left--) {
      const at = Math.floor(chance() * (text.length + 1));
      const sentence = `${Array.from({ length: 12 }, word).join(" ")}. `;
      doc.transact(() => {
        text.insert(at, sentence);
        text.delete(at + Math.floor(chance() * (sentence.length - 2)), 2);
      });
    }
    state = Y.encodeStateAsUpdate(doc);
  }
  return { updates, state, letters: text.length };
}

/** One person's history as fast as the server takes it. Plan: `keystrokes`, of which `ahead` may be on their way. */
export async function replay(plan, say) {
  const document = plan.documents[0];
  const doc = new Y.Doc();
  doc.clientID = FIRST_ID;
  const frames = [];
  // The clock that a receiver has when it has the keystroke; one that takes a letter away moves no clock.
  const clocks = [];
  doc.on("update", (update) => {
    frames.push(editFrame(document, update));
    clocks.push(Y.getState(doc.store, FIRST_ID));
  });
  write(doc.getText("bench"), plan.keystrokes, plan.seed);

  const failures = [];
  const author = new Client(plan.server, document);
  const reader = new Client(plan.server, document);
  author.onEnd = reader.onEnd = (reason) => failures.push(reason);
  await Promise.all([author.join(), reader.join()]);
  let known = 0;
  let sent = 0;
  let relayed = 0;
  const more = () => {
    while (relayed < sent && clocks[relayed] <= known) relayed += 1;
    while (sent < frames.length && sent - relayed < plan.ahead) author.write(frames[sent++]);
  };
  reader.onUpdate = (cursor) => {
    eachRun(cursor, (_, clock, length) => (known = Math.max(known, clock + length)));
    more();
  };
  const began = say.begin();
  more();
  await until(() => relayed === frames.length || failures.length > 0, DRAIN_SECONDS);
  const share = say.end(began);
  if (relayed < frames.length) failures.push(`${relayed} keystrokes of ${frames.length} came`);
  const newcomer = await new Client(plan.server, document).join();
  const copy = new Y.Doc();
  Y.applyUpdate(copy, newcomer.whole);
  if (copy.getText("bench").toString() !== doc.getText("bench").toString()) failures.push("a newcomer reads another text");
  for (const client of [author, reader, newcomer]) client.leave();
  return { ...share, keystrokes: frames.length, per_second: (relayed / share.wall_ms) * 1000, failures };
}

/** Type until a reader has `letters`, and kill the server `pid` in the same moment. */
export async function durability(plan) {
  const document = plan.documents[0];
  const doc = new Y.Doc();
  doc.clientID = FIRST_ID;
  const frames = [];
  doc.on("update", (update) => frames.push(editFrame(document, update)));
  // More than are waited for: nobody stops typing because a server is about to die.
  for (let place = 0; place < plan.letters * 2; place++) doc.getText("bench").insert(place, "x");
  const [author, reader] = await Promise.all([
    new Client(plan.server, document).join(),
    new Client(plan.server, document).join(),
  ]);
  let known = 0;
  let killed = false;
  reader.onUpdate = (cursor) => {
    eachRun(cursor, (_, clock, length) => (known = Math.max(known, clock + length)));
    if (known < plan.letters || killed) return;
    killed = true;
    process.kill(plan.pid, "SIGKILL");
  };
  schedule(
    frames.map((_, place) => (place * 1000) / plan.rate),
    (place) => killed || author.write(frames[place]),
  );
  await until(() => killed, DRAIN_SECONDS);
  // What was on its way to the reader when the server died has been seen too.
  await until(() => false, 0.2);
  return { relayed: known, failures: killed ? [] : ["the edits were not relayed"] };
}
