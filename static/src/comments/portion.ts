/** Some of many cards, by their places in the list: `end` is not among them. */
export interface Portion {
  readonly start: number;
  readonly end: number;
}

/** So many cards are shown of a list that may hold thousands: each that stands in the page costs with every letter. */
export const portionSize = 60;

function from(start: number, count: number): Portion {
  const first = Math.max(0, Math.min(start, count - portionSize));
  return { start: first, end: Math.min(count, first + portionSize) };
}

/**
 * Which of `count` cards stand beside the text, of which those in `visible` belong to what is in the window; `shown` are
 * those that stand there now. They change only when some that should be seen are missing: cards do not jump about while
 * one scrolls a little.
 */
export function beside(count: number, visible: Portion, shown: Portion): Portion {
  if (count <= portionSize) return { start: 0, end: count };
  const wanted = Math.min(visible.end, visible.start + portionSize / 2, count);
  const isFull = shown.end - shown.start === portionSize;
  if (isFull && shown.start <= visible.start && wanted <= shown.end && shown.end <= count) return shown;
  return from(visible.start - Math.max(0, Math.floor((portionSize - (visible.end - visible.start)) / 3)), count);
}

/** Which of `count` cards are listed: what was shown, at least a portion, with the active one (-1: none). */
export function listed(count: number, active: number, shown: Portion): Portion {
  if (active !== -1 && (active < shown.start || active >= Math.max(shown.end, shown.start + portionSize))) {
    return from(active - Math.floor(portionSize / 3), count);
  }
  const start = Math.min(shown.start, Math.max(0, count - portionSize));
  return { start, end: Math.min(count, Math.max(shown.end, start + portionSize)) };
}
