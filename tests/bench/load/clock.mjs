// A schedule that does not wait for anybody: what is due is done when it is due, to a fraction of a millisecond.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

// Timers of an event loop count whole milliseconds. So another thread sleeps, exactly, and wakes the loop.
const SHORTEST_SLEEP_MS = 0.1;
const DUE = 0;
const WOKEN = 1;

/**
 * Call `act(place)` at `times[place]` ms after the start, in order; `times` must rise.
 * Returns when the schedule begins (as `performance.now()`) and a promise that it is through.
 */
export function schedule(times, act, beginsInMs = 100) {
  const shared = new Float64Array(new SharedArrayBuffer(times.length * 8));
  shared.set(times);
  // How many are due; and 1 while the loop was woken and has not looked yet.
  const state = new Int32Array(new SharedArrayBuffer(8));
  const [start, startsAt] = [performance.now() + beginsInMs, process.hrtime.bigint() + BigInt(beginsInMs * 1e6)];
  const done = new Promise((resolve, reject) => {
    let next = 0;
    const sleeper = new Worker(new URL(import.meta.url), { workerData: { times: shared, state, startsAt } });
    sleeper.on("error", reject);
    sleeper.on("message", () => {
      Atomics.store(state, WOKEN, 0);
      while (next < Atomics.load(state, DUE)) act(next++);
    });
    sleeper.on("exit", resolve);
  });
  return { start, done };
}

function sleep({ times, state, startsAt }) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const now = () => Number(process.hrtime.bigint() - startsAt) / 1e6;
  for (let next = 0; next < times.length; ) {
    const wait = times[next] - now();
    if (wait > 0) Atomics.wait(never, 0, 0, Math.max(wait, SHORTEST_SLEEP_MS));
    const time = now();
    while (next < times.length && times[next] <= time) next += 1;
    Atomics.store(state, DUE, next);
    if (Atomics.compareExchange(state, WOKEN, 0, 1) === 0) parentPort.postMessage(null);
  }
}

if (!isMainThread && workerData?.times) sleep(workerData);

/** Numbers between 0 and 1, the same in every run. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Wait until `condition()` holds. Returns whether it came to hold within so many seconds. */
export async function until(condition, seconds) {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}
