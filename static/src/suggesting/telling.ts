import type { Verdict } from "./decide";
import type { Suggestion } from "./find";

const mostAtOnce = 1000;
const againMilliseconds = 5000;
/** Longer the server does not take it for news either. */
const longestMilliseconds = 10 * 60_000;

/** Tells the server what was decided here, so that it is known from whom; the decision itself is in the text. */
export class Telling {
  readonly #url: string;
  readonly #csrf: string;

  constructor(api: string, csrf: string) {
    this.#url = `${api}/suggestions/decisions`;
    this.#csrf = csrf;
  }

  tell(verdict: Verdict, suggestions: readonly Suggestion[], me: string): void {
    // One's own are withdrawn, for which another right is enough.
    for (const own of [true, false]) {
      const names = suggestions.filter(({ by }) => (by === me) === own).map(({ by, id }) => ({ author_id: by, id }));
      for (let at = 0; at < names.length; at += mostAtOnce) {
        const body = JSON.stringify({ verdict: `${verdict}ed`, suggestions: names.slice(at, at + mostAtOnce) });
        void this.#send(body, Date.now() + longestMilliseconds);
      }
    }
  }

  async #send(body: string, until: number): Promise<void> {
    try {
      const headers = { "Content-Type": "application/json", "X-CSRF-Token": this.#csrf };
      const { status } = await fetch(this.#url, { method: "POST", headers, body, keepalive: body.length < 60_000 });
      if (status < 500) return;
    } catch (problem) {
      // Offline, as the text may be: both come when the network is back.
      if (!(problem instanceof TypeError)) throw problem;
    }
    if (Date.now() < until) setTimeout(() => void this.#send(body, until), againMilliseconds);
  }
}
