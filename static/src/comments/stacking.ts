export interface Standing {
  readonly id: string;
  /** Where its text begins, in pixels from the top of the page's text. */
  readonly top: number;
  readonly height: number;
}

/**
 * Where cards stand that shall be level with their text and not overlap: each moves down as far as it must. For the
 * active one, which stands level if there is room at all, those above it move up. Nothing stands above 0.
 */
export function stack(cards: readonly Standing[], activeId: string | null, gap: number): Map<string, number> {
  const sorted = [...cards].sort((one, other) => one.top - other.top);
  const tops = sorted.map(({ top }) => Math.max(0, top));
  const pushDown = () => {
    let free = 0;
    for (const [index, { height }] of sorted.entries()) {
      tops[index] = Math.max(tops[index] ?? 0, free);
      free = (tops[index] ?? 0) + height + gap;
    }
  };
  const wished = [...tops];
  pushDown();
  const active = sorted.findIndex(({ id }) => id === activeId);
  if (active !== -1 && (tops[active] ?? 0) > (wished[active] ?? 0)) {
    for (let index = active; index < tops.length; index += 1) tops[index] = wished[index] ?? 0;
    for (let index = active - 1; index >= 0; index -= 1) {
      tops[index] = Math.min(tops[index] ?? 0, (tops[index + 1] ?? 0) - gap - (sorted[index]?.height ?? 0));
    }
    // What would stand above 0 comes down again, and so does all below it.
    if ((tops[0] ?? 0) < 0) tops[0] = 0;
    pushDown();
  }
  return new Map(sorted.map(({ id }, index) => [id, tops[index] ?? 0]));
}
