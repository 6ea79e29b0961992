function isId(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { client, clock } = value as { client?: unknown; clock?: unknown };
  return [client, clock].every((part) => typeof part === "number" && Number.isSafeInteger(part) && part >= 0);
}

/**
 * Is this a place in a shared text (a Yjs relative position as JSON) that can be looked up without harm? Looking up a
 * name makes a shared type of that name: `isKnown` says which there are.
 */
export function isPlace(value: unknown, isKnown = (name: unknown): boolean => name === "default"): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { type, tname, item, assoc } = value as Record<string, unknown>;
  const ids = [type, item].every((id) => id === undefined || id === null || isId(id));
  const named = tname === undefined || tname === null || isKnown(tname);
  const sided = assoc === undefined || assoc === null || typeof assoc === "number";
  const somewhere = [type, tname, item].some((part) => part !== undefined && part !== null);
  return ids && named && sided && somewhere;
}
