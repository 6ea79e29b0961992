import type { CommentsApi } from "./api";
import type { Rights, Thread } from "./model";

const nothing: Rights = { may_comment: false, may_resolve_any: false, may_delete_any: false };

/** So many threads at once are asked for as a whole. */
const mostSingly = 8;
const gatherMilliseconds = 60;

/** All threads of the document, followed as others change them. */
export class Threads {
  readonly #api: CommentsApi;
  readonly #threads = new Map<string, Thread>();
  readonly #listeners = new Set<() => void>();
  /** Per thread how many answers about it were asked for or came: an older one that comes late is not taken. */
  readonly #turns = new Map<string, number>();
  readonly #stale = new Set<string>();
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #newest: Promise<void> = Promise.resolve();
  #loads = 0;
  rights: Rights = nothing;
  state: "loading" | "ready" | "failed" = "loading";

  constructor(api: CommentsApi) {
    this.#api = api;
  }

  /** The oldest first. */
  get all(): readonly Thread[] {
    return [...this.#threads.values()];
  }

  get(id: string): Thread | undefined {
    return this.#threads.get(id);
  }

  watch(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Takes what the server just said about a thread. */
  take(thread: Thread): void {
    this.#turn(thread.id);
    this.#threads.set(thread.id, thread);
    this.#tell();
  }

  /** Asks for all. A later one takes the place of this, which then ends with it: `rights` are known in any case. */
  load(): Promise<void> {
    this.#newest = this.#loadAll();
    return this.#newest;
  }

  async #loadAll(): Promise<void> {
    this.#loads += 1;
    const load = this.#loads;
    const before = new Map(this.#turns);
    const found: Thread[] = [];
    try {
      let cursor: string | null = null;
      do {
        const page = await this.#api.page({ limit: "100", ...(cursor === null ? {} : { cursor }) });
        if (load !== this.#loads) {
          await this.#newest;
          return;
        }
        found.push(...page.threads);
        this.rights = page;
        cursor = page.next_cursor;
      } while (cursor !== null);
    } catch {
      if (load === this.#loads && this.state !== "ready") this.state = "failed";
      this.#tell();
      return;
    }
    const changed = (id: string) => this.#turns.get(id) !== before.get(id);
    const kept = this.all.filter(({ id }) => changed(id));
    this.#threads.clear();
    for (const thread of found) if (!changed(thread.id)) this.#threads.set(thread.id, thread);
    for (const thread of kept) this.#threads.set(thread.id, thread);
    this.state = "ready";
    this.#tell();
  }

  /** Asks again about a thread soon, together with others that have changed meanwhile. */
  refreshSoon(id: string): void {
    this.#stale.add(id);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      const ids = [...this.#stale];
      this.#stale.clear();
      if (ids.length > mostSingly) void this.load();
      else for (const each of ids) void this.refresh(each);
    }, gatherMilliseconds);
  }

  /** Asks again about one thread, which may be gone. */
  async refresh(id: string): Promise<void> {
    const turn = this.#turn(id);
    try {
      const page = await this.#api.page({ thread_id: id });
      if (this.#turns.get(id) !== turn) return;
      this.rights = page;
      const [thread] = page.threads;
      if (thread) this.#threads.set(id, thread);
      else this.#threads.delete(id);
      this.#tell();
    } catch {
      // The next event, or the reconnection, asks again.
    }
  }

  /** Asks again what one may do here. */
  async refreshRights(): Promise<void> {
    try {
      this.rights = await this.#api.page({ limit: "1" });
      this.#tell();
    } catch {
      // Whoever may not see the document any more is told so by the page itself.
    }
  }

  #turn(id: string): number {
    const turn = (this.#turns.get(id) ?? 0) + 1;
    this.#turns.set(id, turn);
    return turn;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
