/** One person who has the document open, in one or more windows. */
export interface Person {
  readonly id: string;
  readonly name: string;
  /** 0 to 11, the index of a presence colour. */
  readonly colour: number;
  readonly idle: boolean;
  readonly inTitle: boolean;
}

export const presenceColours = 12;

export interface PresenceUser {
  readonly id: string;
  readonly name: string;
  readonly colour: number;
}

/** Reads the `user` field of an awareness state, which another program may have written. */
export function readUser(state: unknown): PresenceUser | null {
  if (typeof state !== "object" || state === null || !("user" in state)) return null;
  const user: unknown = state.user;
  if (typeof user !== "object" || user === null) return null;
  const { id, name, colour } = user as Record<string, unknown>;
  if (typeof id !== "string" || typeof name !== "string" || name.trim() === "") return null;
  const index = typeof colour === "number" && Number.isInteger(colour) ? colour : 0;
  return { id, name: name.slice(0, 80), colour: ((index % presenceColours) + presenceColours) % presenceColours };
}

/** The people behind the awareness states: one entry each without oneself, idle only when idle in every window. */
export function peopleHere(states: ReadonlyMap<number, unknown>, myClient: number): Person[] {
  const people = new Map<string, Person>();
  const myId = readUser(states.get(myClient))?.id;
  for (const state of states.values()) {
    const user = readUser(state);
    if (user === null || user.id === myId) continue;
    const { idle, title } = state as { idle?: unknown; title?: unknown };
    const known = people.get(user.id);
    people.set(user.id, {
      ...user,
      idle: idle === true && (known?.idle ?? true),
      inTitle: title === true || (known?.inTitle ?? false),
    });
  }
  return [...people.values()].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}

/** "Ada Lovelace" → "AL", "ada" → "A". */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u);
  const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const first = (word: string | undefined): string => [...letters.segment(word ?? "")][0]?.segment ?? "";
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "")).toLocaleUpperCase();
}
