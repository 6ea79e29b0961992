/** One person who has the document open, in one or more windows. */
export interface Person {
  readonly id: string;
  readonly name: string;
  /** 0 to 11, the index of a presence colour. */
  readonly colour: number;
  readonly idle: boolean;
  /** When they were last active, in milliseconds since 1970; null while they are. */
  readonly awaySince: number | null;
  readonly inTitle: boolean;
  readonly role: Role | null;
  readonly device: Device | null;
  /** Their windows: Yjs client ids. */
  readonly clients: readonly number[];
}

const roles = ["owner", "editor", "reviewer", "viewer"] as const;
export type Role = (typeof roles)[number];
const devices = ["phone", "tablet", "computer"] as const;
export type Device = (typeof devices)[number];

export const presenceColours = 12;

export interface PresenceUser {
  readonly id: string;
  readonly name: string;
  readonly colour: number;
  readonly role: Role | null;
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word | null {
  return words.find((word) => word === value) ?? null;
}

/** What this browser runs on, as far as its screen and its pointer tell. */
export function deviceHere(): Device {
  if (!window.matchMedia("(pointer: coarse)").matches) return "computer";
  return Math.min(window.screen.width, window.screen.height) < 600 ? "phone" : "tablet";
}

/** Reads the `user` field of an awareness state, which another program may have written. */
export function readUser(state: unknown): PresenceUser | null {
  if (typeof state !== "object" || state === null || !("user" in state)) return null;
  const user: unknown = state.user;
  if (typeof user !== "object" || user === null) return null;
  const { id, name, colour, role } = user as Record<string, unknown>;
  if (typeof id !== "string" || typeof name !== "string" || name.trim() === "") return null;
  const index = typeof colour === "number" && Number.isInteger(colour) ? colour : 0;
  return {
    id,
    name: name.slice(0, 80),
    colour: ((index % presenceColours) + presenceColours) % presenceColours,
    role: oneOf(roles, role),
  };
}

/** The people behind the awareness states: one entry each without oneself, idle only when idle in every window. */
export function peopleHere(states: ReadonlyMap<number, unknown>, myClient: number): Person[] {
  const people = new Map<string, Person>();
  const myId = readUser(states.get(myClient))?.id;
  for (const [client, state] of states) {
    const user = readUser(state);
    if (user === null || user.id === myId) continue;
    const { idle, title, device, awaySince } = state as Record<string, unknown>;
    const known = people.get(user.id);
    const away = idle === true && (known?.idle ?? true);
    const since = typeof awaySince === "number" && Number.isFinite(awaySince) ? awaySince : null;
    people.set(user.id, {
      ...user,
      idle: away,
      awaySince: away ? Math.max(since ?? 0, known?.awaySince ?? 0) || null : null,
      inTitle: title === true || (known?.inTitle ?? false),
      // Of several windows the one that is worked in counts.
      device: (known !== undefined && idle === true ? known.device : null) ?? oneOf(devices, device) ?? known?.device ?? null,
      clients: [...(known?.clients ?? []), client],
    });
  }
  return [...people.values()].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}

/** "Ada Lovelace" → "AL", "ada" → "A". A guest of a review bears the word that says so behind their name. */
export function initials(name: string): string {
  const words = name.replace(/ \(guest\)$/u, "").trim().split(/\s+/u);
  const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const first = (word: string | undefined): string => [...letters.segment(word ?? "")][0]?.segment ?? "";
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "")).toLocaleUpperCase();
}
