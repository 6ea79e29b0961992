import type { Person } from "../comments/model";
import { readUser } from "../live/presence";
import type { Session } from "../live/session";

const waitMilliseconds = 300;
const againMilliseconds = 20_000;

/** Who somebody is, by their id: those who are here tell it themselves, of the others the server knows it. */
export class People {
  readonly #session: Session;
  readonly #url: string;
  readonly #known = new Map<string, Person>();
  readonly #onNews: () => void;
  #askedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, api: string, me: Person, onNews: () => void) {
    this.#session = session;
    this.#url = `${api}/suggestions`;
    this.#onNews = onNews;
    this.#known.set(me.id, me);
  }

  find(id: string): Person | null {
    const known = this.#known.get(id);
    if (known) return known;
    for (const state of this.#session.connection.awareness.getStates().values()) {
      const user = readUser(state);
      if (user?.id !== id) continue;
      this.#known.set(id, user);
      return user;
    }
    this.#askSoon();
    return null;
  }

  #askSoon(): void {
    if (this.#timer !== undefined || Date.now() - this.#askedAt < againMilliseconds) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#askedAt = Date.now();
      void this.#ask();
    }, waitMilliseconds);
  }

  async #ask(): Promise<void> {
    try {
      const answer = await fetch(this.#url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { suggestions } = (await answer.json()) as { suggestions: readonly { author: Person | null }[] };
      for (const { author } of suggestions) if (author) this.#known.set(author.id, author);
      this.#onNews();
    } catch (problem) {
      // Offline; the names come when somebody looks again.
      if (!(problem instanceof TypeError)) throw problem;
    }
  }
}
