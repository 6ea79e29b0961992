import type { Whole } from "./resolve";

/** How much of something a post uses. `most` null: there is no limit. */
export interface Meter {
  readonly name: string;
  readonly used: number;
  readonly most: number | null;
  readonly unit: string;
}

export interface Problem {
  readonly sentence: string;
  readonly blocks: boolean;
}

/** What becomes of a post on its account, as the server makes it out. `html` is safe to show. */
export interface Preview {
  readonly meters: readonly Meter[];
  readonly problems: readonly Problem[];
  readonly parts: readonly string[];
  readonly html: string;
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((each): each is Record<string, unknown> => typeof each === "object" && each !== null) : [];
}

function readPreview(answer: unknown): Preview {
  const { meters, problems, parts, html } = answer as Record<string, unknown>;
  return {
    meters: list(meters).map(({ name, used, most, unit }) => ({
      name: String(name),
      used: Number(used),
      most: typeof most === "number" ? most : null,
      unit: String(unit),
    })),
    problems: list(problems).map(({ sentence, blocks }) => ({ sentence: String(sentence), blocks: blocks === true })),
    parts: Array.isArray(parts) ? parts.map(String) : [],
    html: typeof html === "string" ? html : "",
  };
}

export interface PreviewOptions {
  readonly documentId: string;
  readonly csrf: string;
  /** What the account's post is at this moment; null for an account that is none. */
  readonly wholeOf: (account: string) => Whole;
  readonly onPreview: (account: string, preview: Preview) => void;
  /** `sentence`: why the server does not make one out; null where it is asked again by itself. */
  readonly onFailure: (account: string, sentence: string | null) => void;
}

/** The account that is shown is asked about so often at most; the others when nothing else is to be asked. */
const shownMilliseconds = 300;
const othersMilliseconds = 500;

/** After a failure it is asked again, the first time so soon, and later and later. */
const againMilliseconds = 2000;
const mostAgainMilliseconds = 30_000;

/** The server will not make one out of this, however often it is asked. */
class Refused extends Error {
  constructor(readonly sentence: string) {
    super(sentence);
  }
}

/** Throws: Refused, or another error where asking again may help. */
async function check(answer: Response): Promise<void> {
  if (answer.ok) return;
  if (answer.status >= 500 || answer.status === 408 || answer.status === 429) throw new Error(String(answer.status));
  const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
  throw new Refused(typeof said?.detail === "string" ? said.detail : "");
}

/** Asks the server what becomes of the posts, one question at a time, and of none twice. */
export class Previews {
  readonly #options: PreviewOptions;
  /** What was asked last, by account, as sent. */
  readonly #asked = new Map<string, string>();
  #waiting = new Set<string>();
  #shown = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #failures = 0;
  #askedAt = -Infinity;

  constructor(options: PreviewOptions) {
    this.#options = options;
    window.addEventListener("online", () => {
      this.#plan();
    });
  }

  /** From now on this account comes first; what is known of it may be shown at once. */
  show(account: string): void {
    this.#shown = account;
    this.#asked.delete(account);
    this.look([account]);
  }

  /** Something changed that these accounts' posts may be made of. */
  look(accounts: Iterable<string>): void {
    for (const account of accounts) this.#waiting.add(account);
    this.#plan();
  }

  #plan(): void {
    if (this.#busy || this.#waiting.size === 0 || !navigator.onLine) return;
    clearTimeout(this.#timer);
    const wait = this.#waiting.has(this.#shown) ? shownMilliseconds : othersMilliseconds;
    this.#timer = setTimeout(() => {
      void this.#ask();
    }, Math.max(0, this.#askedAt + wait - Date.now()));
  }

  async #ask(): Promise<void> {
    const account = this.#waiting.has(this.#shown) ? this.#shown : [...this.#waiting][0];
    if (account === undefined) return;
    this.#waiting.delete(account);
    const body = JSON.stringify(this.#options.wholeOf(account));
    // Also when it is as it was: to make out of what a long post consists takes the page a while, too.
    this.#askedAt = Date.now();
    if (this.#asked.get(account) === body) {
      this.#plan();
      return;
    }
    this.#busy = true;
    this.#asked.set(account, body);
    try {
      const answer = await fetch(`/documents/${this.#options.documentId}/variants/${account}/preview`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": this.#options.csrf },
        body,
        signal: AbortSignal.timeout(20_000),
      });
      await check(answer);
      const preview = readPreview(await answer.json());
      this.#failures = 0;
      this.#options.onPreview(account, preview);
    } catch (problem) {
      // Whatever it was: what is shown is not what would go out.
      const sentence = problem instanceof Refused ? problem.sentence : null;
      if (sentence === null) this.#askAgain(account);
      this.#options.onFailure(account, sentence);
    } finally {
      this.#busy = false;
      this.#plan();
    }
  }

  #askAgain(account: string): void {
    this.#asked.delete(account);
    const wait = Math.min(againMilliseconds * 2 ** this.#failures, mostAgainMilliseconds);
    this.#failures += 1;
    setTimeout(() => {
      this.look([account]);
    }, wait);
  }
}
