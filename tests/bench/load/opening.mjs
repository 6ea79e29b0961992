// Opening documents: a storm of many at once, and large ones that no process has in memory.
import { Client, editFrame, some } from "./client.mjs";
import { until } from "./clock.mjs";
import { largeDocument } from "./history.mjs";
import { FIRST_ID } from "./ledger.mjs";
import { Y } from "./yjs.mjs";

const STORM_AT_ONCE = 256;
const LETTERS = 50;
const SYNC_SECONDS = 60;
// Until what the server puts off is done and its memory can be looked at.
const SETTLE_SECONDS = 1;

/**
 * Everybody comes at once. Plan: `documents`, `connections` in all. One client of each document writes some letters and
 * stays; then the others come, and each must get all letters.
 */
export async function storm(plan, say) {
  const { documents, connections } = plan;
  const failures = [];
  // What a server loads at its first document is not a document's cost.
  const first = await new Client(plan.server, documents[0]).join();
  await until(() => false, SETTLE_SECONDS);
  say.mark("empty");
  const seeders = documents.slice(1).map((document) => new Client(plan.server, document));
  await some(seeders, STORM_AT_ONCE, async (seeder) => {
    await seeder.join();
    const doc = new Y.Doc();
    doc.clientID = FIRST_ID;
    const text = doc.getText("bench");
    doc.on("update", (update) => seeder.write(editFrame(seeder.document, update)));
    for (let place = 0; place < LETTERS; place++) text.insert(place, "x");
  });
  await until(() => false, SETTLE_SECONDS);
  say.mark("documents");

  const others = Array.from(
    { length: connections - documents.length },
    (_, place) => new Client(plan.server, documents[1 + (place % (documents.length - 1))]),
  );
  const began = say.begin();
  const start = performance.now();
  await some(others, STORM_AT_ONCE, async (other) => {
    other.onEnd = (reason) => failures.push(reason);
    await other.join();
  }).catch((error) => failures.push(error.message));
  const share = say.end(began);
  const seconds = (Math.max(...others.map((other) => other.syncedAt)) - start) / 1000;
  await until(() => false, SETTLE_SECONDS);
  say.mark("connections");

  for (const { whole } of others) {
    const letters = whole ? count(whole) : 0;
    if (letters !== LETTERS) failures.push(`${letters} letters of ${LETTERS} came`);
  }
  for (const client of [first, ...seeders, ...others]) client.leave();
  return { ...share, seconds, documents: seeders.length, connections: others.length, failures };
}

/** Write the large document of `size` bytes of state, piece by piece as it was typed. */
export async function seeding(plan) {
  const writer = await new Client(plan.server, plan.documents[0]).join();
  const { updates, state, letters } = largeDocument(plan.size);
  for (const update of updates) writer.write(editFrame(writer.document, update));
  let found = null;
  const end = performance.now() + SYNC_SECONDS * 1000;
  while (found !== letters && performance.now() < end) {
    await until(() => false, 0.2);
    found = await lettersOf(plan);
  }
  writer.leave();
  const failures = found === letters ? [] : [`${found} letters of ${letters} were taken`];
  return { updates: updates.length, state: state.length, letters, failures };
}

/** Let `clients` open the document at once. Tells when each had the whole of it, in ms from its connecting. */
export async function opening(plan, say) {
  const clients = Array.from({ length: plan.clients }, () => new Client(plan.server, plan.documents[0]));
  const began = say.begin();
  const start = performance.now();
  await Promise.all(clients.map((client) => client.join()));
  const share = say.end(began);
  const times = clients.map((client) => client.syncedAt - start).sort((one, other) => one - other);
  const { letters } = largeDocument(plan.size);
  const failures = [];
  const lengths = new Set(clients.map((client) => client.whole.length));
  if (lengths.size > 1) failures.push(`they were given different bytes: ${[...lengths].join(", ")}`);
  const found = count(clients[0].whole);
  if (found !== letters) failures.push(`${found} letters of ${letters} came`);
  for (const client of clients) client.leave();
  return { ...share, p50_ms: times[Math.floor(times.length / 2)], max_ms: times.at(-1), bytes: [...lengths][0], failures };
}

/** How many letters of the plan's document a newcomer finds. */
export async function reading(plan) {
  return { letters: await lettersOf(plan), failures: [] };
}

async function lettersOf(plan) {
  const newcomer = await new Client(plan.server, plan.documents[0]).join();
  newcomer.leave();
  return count(newcomer.whole);
}

function count(state) {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, state);
  return doc.getText("bench").length;
}
