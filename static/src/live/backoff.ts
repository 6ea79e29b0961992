const firstSeconds = 1;
const longestSeconds = 30;

/** Seconds to wait before an attempt: full jitter, so that people who lost the server together do not return together. */
export function waitBeforeAttempt(failures: number, random: number): number {
  return Math.min(longestSeconds, firstSeconds * 2 ** Math.min(failures, 10)) * random;
}

/** Seconds to wait when the server named its own window: any time in it, for the same reason. */
export function waitForWindow(windowSeconds: number, random: number): number {
  return windowSeconds * random;
}
