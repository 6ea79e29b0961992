// Many people type, or move their carets, in one document or in many.
import { Client, editFrame, presenceFrame, some } from "./client.mjs";
import { random, schedule, until } from "./clock.mjs";
import { FIRST_ID, Ledger } from "./ledger.mjs";
import { eachRun, eachState } from "./wire.mjs";
import { Y } from "./yjs.mjs";

const ROOT = "bench";
const AT_ONCE = 64;
const DRAIN_SECONDS = 5;
const SAMPLED_DOCUMENTS = 20;

/**
 * Plan: `documents`, `clients` in each, `rate` edits a second of each, for `warmup` and then `seconds`, from `seed`.
 * With `presence`, carets move instead, and a server may leave a state out for a newer one. `first` letters are there
 * already. What is still under way after `drain` seconds counts as lost.
 */
export async function typing(plan, say) {
  const { documents, clients, rate, warmup, seconds, presence = false } = plan;
  const interval = 1000 / rate;
  const edits = Math.round((warmup + seconds) * rate);
  const countsFrom = Math.round(warmup * rate);
  const chance = random(plan.seed);
  const phases = Array.from({ length: documents.length * clients }, () => chance() * interval);
  let start = 0;
  const ledger = new Ledger({
    documents: documents.length,
    clients,
    edits,
    countsFrom,
    due: (author, place) => start + phases[author] + place * interval,
  });

  const people = documents.flatMap((document) => Array.from({ length: clients }, () => new Client(plan.server, document)));
  const failures = [];
  people.forEach((person, number) => {
    person.onEnd = (reason) => failures.push(reason);
    person.onUpdate = (cursor) => {
      const now = performance.now();
      try {
        eachRun(cursor, (id, clock, length) => ledger.arrived(number, id, clock, length, now));
      } catch (error) {
        failures.push(error.message);
      }
    };
    if (presence) {
      person.onPresence = (cursor) => {
        const now = performance.now();
        eachState(cursor, (id, clock) => {
          if (clock > 0) ledger.caughtUp(number, id, clock - 1, now);
        });
      };
    }
  });
  const frames = people.map((person, number) =>
    presence ? carets(person.document, number, edits) : keystrokes(person.document, number, edits),
  );
  await some(people, AT_ONCE, (person) => person.join());

  // All that is due, in order: who, and which of their edits.
  const order = phases.flatMap((phase, number) =>
    Array.from({ length: edits }, (_, place) => ({ at: phase + place * interval, number, place })),
  );
  order.sort((one, other) => one.at - other.at);
  const lags = new Float32Array(order.length);
  let deliveredBefore = 0;
  let framesBefore = 0;
  let began = null;
  const received = () => people.reduce((sum, person) => sum + person.frames, 0);
  const running = schedule(
    order.map(({ at }) => at),
    (turn) => {
      const { at, number, place } = order[turn];
      if (began === null && at >= warmup * 1000) {
        began = say.begin();
        deliveredBefore = ledger.delivered;
        framesBefore = received();
      }
      people[number].write(frames[number][place]);
      ledger.sent += 1;
      lags[turn] = performance.now() - start - at;
    },
  );
  start = running.start;
  await running.done;
  if (ledger.sent !== order.length) failures.push(`only ${ledger.sent} of ${order.length} edits were sent`);
  await until(() => ledger.complete || failures.length > 0, plan.drain ?? DRAIN_SECONDS);
  const share = say.end(began);
  const delivered = ledger.delivered - deliveredBefore;
  const came = received() - framesBefore;
  // A moment in which what is told twice may come.
  await until(() => false, 0.2);
  const result = ledger.result();

  // A server that is far behind would only be asked in vain.
  if (!presence && ledger.complete) failures.push(...(await lacking(plan, (plan.first ?? 0) + clients * edits)));
  for (const person of people) person.leave();
  return {
    ...result,
    ...share,
    measured_deliveries: delivered,
    frames_per_delivery: delivered ? came / delivered : null,
    send_lag_p99_ms: lags.sort()[Math.floor(lags.length * 0.99)],
    failures,
  };
}

/** Frames of a person who types one letter after another. */
function keystrokes(document, number, count) {
  const doc = new Y.Doc();
  doc.clientID = FIRST_ID + number;
  const text = doc.getText(ROOT);
  const made = [];
  doc.on("update", (update) => made.push(editFrame(document, update)));
  for (let place = 0; place < count; place++) text.insert(place, String.fromCharCode(97 + ((number + place) % 26)));
  return made;
}

/** Frames of a person who moves the caret, with about what an editor tells. */
function carets(document, number, count) {
  const id = FIRST_ID + number;
  return Array.from({ length: count }, (_, place) => {
    const caret = { type: null, tname: ROOT, item: { client: id, clock: 1000 + place }, assoc: 0 };
    const user = { id: `person-${number}`, name: `Person ${number}`, colour: "#8250df" };
    return presenceFrame(document, id, place + 1, { user, cursor: { anchor: caret, head: caret } });
  });
}

/** What a newcomer does not find: every letter of everybody must be there, as Yjs itself reads it. */
async function lacking(plan, letters) {
  const { documents } = plan;
  const found = [];
  const step = Math.max(1, Math.floor(documents.length / SAMPLED_DOCUMENTS));
  const sampled = documents.filter((_, place) => place % step === 0);
  await some(sampled, AT_ONCE, async (document) => {
    const newcomer = await new Client(plan.server, document).join();
    newcomer.leave();
    const doc = new Y.Doc();
    Y.applyUpdate(doc, newcomer.whole);
    const there = doc.getText(ROOT).length;
    if (there !== letters) found.push(`a newcomer finds ${there} letters of ${letters}`);
  });
  return found;
}
