import type { Person, Place } from "./model";

/** Words that were not sent yet. `id` becomes the comment's, `place` is that of a new thread. */
export interface Draft {
  readonly id: string;
  readonly text: string;
  readonly people: readonly Person[];
  readonly place?: Place;
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const { id, text, people } = value as Record<string, unknown>;
  return typeof id === "string" && typeof text === "string" && Array.isArray(people);
}

/** Keeps what is typed in this browser until it is sent, also when the page closes. */
export class Drafts {
  readonly #prefix: string;

  constructor(documentId: string, personId: string) {
    this.#prefix = `quillroom:comment:${documentId}:${personId}:`;
  }

  read(name: string): Draft | null {
    try {
      const found: unknown = JSON.parse(localStorage.getItem(this.#prefix + name) ?? "null");
      return isDraft(found) ? found : null;
    } catch {
      return null;
    }
  }

  write(name: string, draft: Draft): void {
    try {
      if (draft.text.trim() === "") localStorage.removeItem(this.#prefix + name);
      else localStorage.setItem(this.#prefix + name, JSON.stringify(draft));
    } catch {
      // A browser that keeps nothing; the words stay in the page.
    }
  }

  /** Forgets the draft with this id; another of the same name stays. */
  drop(name: string, id: string): void {
    try {
      if (this.read(name)?.id === id) localStorage.removeItem(this.#prefix + name);
    } catch {
      // As above.
    }
  }
}
