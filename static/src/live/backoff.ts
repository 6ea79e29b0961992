const firstSeconds = 1;
/** A person who waits sees the server's return within this; longer pauses would spare it next to nothing. */
const longestSeconds = 10;
/** The shortest time between two attempts, however often the page is asked to hurry. */
const hurrySeconds = 1;

/** Seconds to wait before an attempt: full jitter, so that people who lost the server together do not return together. */
export function waitBeforeAttempt(failures: number, random: number): number {
  return Math.min(longestSeconds, firstSeconds * 2 ** Math.min(failures, 10)) * random;
}

/**
 * When an attempt is made that something asked for (the network is back, the person looks at the page again):
 * at once, but not within a second of the attempt before it. All times in milliseconds.
 */
export function timeToHurry(now: number, lastAttempt: number): number {
  return Math.max(now, lastAttempt + hurrySeconds * 1000);
}

/** Seconds to wait when the server named its own window: any time in it, for the same reason. */
export function waitForWindow(windowSeconds: number, random: number): number {
  return windowSeconds * random;
}
