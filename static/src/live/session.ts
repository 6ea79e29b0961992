import * as Y from "yjs";
import { Connection } from "./connection";
import { countChange, type EditCount, noEdits } from "./edit-count";
import { putAside } from "./leftovers";
import { LocalStore, storeName } from "./local-store";
import type { Rights } from "./rights";
import { type SaveFacts, type SaveState, saveState, wouldLose } from "./save-state";

/** Long enough for a quick local store, short enough not to be noticed by the first connection. */
const storeHeadStartMilliseconds = 400;
/** After this the text of this browser is shown, though the server may have a newer one. */
const serverHeadStartMilliseconds = 1500;

export interface SessionOptions {
  readonly url: string;
  readonly documentId: string;
  readonly epoch: string;
  readonly rights: Rights;
  /** Shown at the socket by whoever has no cookie for it. */
  readonly ticket?: string;
  /** Whether this browser keeps a copy of the document; it does unless this says otherwise. */
  readonly keepsCopy?: boolean;
}

/** One visit to one document: the Yjs document, this browser's store, the link to the server, and what is saved. */
export class Session {
  readonly document = new Y.Doc();
  readonly connection: Connection;
  /** When the server last confirmed a change that this page knows of. */
  savedAt: Date | null = null;
  readonly #store: LocalStore;
  readonly #options: SessionOptions;
  readonly #listeners = new Set<() => void>();
  #count: EditCount = noEdits(0);
  #keptEdits = 0;

  private constructor(options: SessionOptions) {
    this.#options = options;
    const changed = () => {
      this.#changed();
    };
    const store = options.keepsCopy === false ? null : storeName(options.documentId, options.epoch);
    this.#store = LocalStore.open(store, this.document, changed);
    this.connection = new Connection({ ...options, document: this.document, onChange: changed });
    this.document.on("update", (_update: Uint8Array, _origin: unknown, _doc: Y.Doc, transaction: Y.Transaction) => {
      if (transaction.local) this.#edited();
      else if (this.connection.settled) this.savedAt = new Date();
    });
    // The moments in which somebody would press "Retry now".
    const hurry = () => {
      if (navigator.onLine && document.visibilityState === "visible") this.connection.hurry();
    };
    window.addEventListener("online", () => {
      this.connection.hurry();
    });
    window.addEventListener("focus", hurry);
    document.addEventListener("visibilitychange", hurry);
    window.addEventListener("offline", () => {
      this.connection.pause();
      this.#changed();
    });
  }

  /** Opens the store, then the connection. */
  static begin(options: SessionOptions): Session {
    const session = new Session(options);
    void session.#start();
    return session;
  }

  /** What may be done here: as the server said last, else as it said when it made the page. */
  get rights(): Rights {
    return this.connection.link === "refused" ? "readonly" : (this.connection.rights ?? this.#options.rights);
  }

  get mayWrite(): boolean {
    return this.rights === "read-write";
  }

  /** Whether there is text to show and to write into: the server's, or that of an earlier visit. */
  get hasText(): boolean {
    return this.document.store.clients.size > 0;
  }

  /** Whether there are edits here that the server has not confirmed. */
  get hasUnsaved(): boolean {
    return this.#count.edits > 0;
  }

  get wouldLose(): boolean {
    return wouldLose(this.#facts(Date.now()));
  }

  state(now: number): SaveState {
    return saveState(this.#facts(now));
  }

  /** Keeps the text of this browser beside that of the server, with which the page can begin anew. */
  async putAside(): Promise<void> {
    this.connection.pause();
    await this.#store.close();
    await putAside(this.#options.documentId, this.#options.epoch, this.document, this.#count.edits);
  }

  /** Calls back after anything changed that `state` or `connection` shows. */
  watch(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Settles when the document may be shown live and written to: after the first answer of the server, or
   * with the text of an earlier visit when the server takes too long. Nothing may be written before.
   */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      let late = false;
      const settle = () => {
        const { link } = this.connection;
        const answered = link === "open";
        const alone = this.hasText && (late || !navigator.onLine || link === "waiting" || link === "refused");
        if (!answered && !alone) return;
        this.#listeners.delete(settle);
        resolve();
      };
      this.#listeners.add(settle);
      setTimeout(() => {
        late = true;
        settle();
      }, serverHeadStartMilliseconds);
      settle();
    });
  }

  async #start(): Promise<void> {
    const opened = this.#store.opened.then((kept) => {
      if (kept !== null && kept.unsavedEdits > 0) {
        this.#count = { ...this.#count, edits: this.#count.edits + kept.unsavedEdits };
      }
      this.#changed();
    });
    await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, storeHeadStartMilliseconds))]);
    if (navigator.onLine) this.connection.connect();
    else this.connection.pause();
  }

  #edited(): void {
    const before = this.#count.edits;
    this.#count = countChange(this.#count, Date.now());
    this.#store.noteChange();
    if (this.#count.edits !== before) this.#store.rememberUnsaved(this.#count.edits);
    this.#changed();
  }

  #changed(): void {
    if (this.#count.edits > 0 && this.connection.settled) {
      this.#count = noEdits(0);
      this.#store.rememberUnsaved(0);
      this.savedAt = new Date();
    }
    if (this.#store.keptHere) this.#keptEdits = this.#count.edits;
    for (const listener of [...this.#listeners]) listener();
  }

  #facts(now: number): SaveFacts {
    const { connection } = this;
    return {
      online: navigator.onLine,
      link: connection.link,
      secondsLeft: connection.secondsLeft(now),
      settled: connection.settled,
      turnedDown: connection.turnedDown,
      unsavedEdits: this.#count.edits,
      keptHere: this.#store.keptHere,
      keptEdits: this.#keptEdits,
      storingMilliseconds: this.#store.behindFor(now),
      unconfirmedSeconds: this.#count.since === null ? 0 : (now - this.#count.since) / 1000,
      mayWrite: (connection.rights ?? this.#options.rights) !== "readonly",
    };
  }
}
