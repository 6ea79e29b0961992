import { IndexeddbPersistence } from "y-indexeddb";
import type * as Y from "yjs";

export const unsavedKey = "unsaved";
/** A browser that does not open its store in this time (private window, blocked, broken disk) is treated as having none. */
const openLimitMilliseconds = 4000;

export function storeName(documentId: string, epoch: string): string {
  return `quillroom:${documentId}:${epoch}`;
}

/**
 * The document as this browser keeps it (IndexedDB), and the number of edits that never reached "Saved".
 * Without a working store the page still works; `keptHere` then stays false.
 */
export class LocalStore {
  /** Settles when the store is read into the document, or found unusable: edits of an earlier visit, or null. */
  readonly opened: Promise<{ unsavedEdits: number } | null>;
  #persistence: IndexeddbPersistence | null = null;
  #usable = false;
  #changes = 0;
  #confirmed = 0;
  #confirming = false;
  /** Since when, at the latest, some change is not in the store; milliseconds. */
  #behindSince = 0;
  readonly #onChange: () => void;

  private constructor(name: string | null, document: Y.Doc, onChange: () => void) {
    this.#onChange = onChange;
    this.opened = this.#open(name, document);
  }

  /** Without a name nothing is kept. */
  static open(name: string | null, document: Y.Doc, onChange: () => void): LocalStore {
    return new LocalStore(name, document, onChange);
  }

  /** Is every change made so far in the store? False while a write runs, and for ever when the store fails. */
  get keptHere(): boolean {
    return this.#usable && this.#confirmed === this.#changes;
  }

  /** How long the oldest change that is not in the store has been on its way; 0 when all are there. Milliseconds. */
  behindFor(now: number): number {
    if (!this.#usable) return Infinity;
    return this.keptHere ? 0 : now - this.#behindSince;
  }

  /** To be told of each change made in this page, after the document's own listeners had it. */
  noteChange(): void {
    if (this.keptHere) this.#behindSince = Date.now();
    this.#changes += 1;
    this.#confirm();
  }

  /** Lets go of the store; what is in it stays. */
  async close(): Promise<void> {
    this.#usable = false;
    await this.#persistence?.destroy();
  }

  rememberUnsaved(edits: number): void {
    if (!this.#usable || this.#persistence === null) return;
    this.#persistence.set(unsavedKey, edits).catch(() => {
      this.#fail();
    });
  }

  async #open(name: string | null, document: Y.Doc): Promise<{ unsavedEdits: number } | null> {
    if (name === null || !(await canOpen())) return null;
    const persistence = new IndexeddbPersistence(name, document);
    const late = new Promise<null>((resolve) => setTimeout(resolve, openLimitMilliseconds, null));
    if ((await Promise.race([persistence.whenSynced, late])) === null) return null;
    this.#persistence = persistence;
    this.#usable = true;
    // A failed write bubbles up to the database; nothing else would tell (a full disk, a quota).
    const failed = () => {
      this.#fail();
    };
    persistence.db?.addEventListener("abort", failed);
    persistence.db?.addEventListener("error", failed);
    persistence.db?.addEventListener("close", failed);
    const kept: unknown = await persistence.get(unsavedKey);
    this.#confirm();
    return { unsavedEdits: typeof kept === "number" && kept > 0 ? kept : 0 };
  }

  #fail(): void {
    this.#usable = false;
    this.#onChange();
  }

  /** A reading transaction on the same store starts only after the writes before it are committed. */
  #confirm(): void {
    const database = this.#persistence?.db;
    if (!this.#usable || !database || this.#confirming || this.keptHere) return;
    this.#confirming = true;
    const upTo = this.#changes;
    const begun = Date.now();
    const barrier = database.transaction("updates", "readonly");
    barrier.objectStore("updates").count();
    barrier.oncomplete = () => {
      this.#confirming = false;
      this.#confirmed = upTo;
      // What is still missing came after this reading began.
      this.#behindSince = begun;
      this.#onChange();
      this.#confirm();
    };
  }
}

/** Asks the browser with a database of no content, because y-indexeddb itself never says that it failed. */
async function canOpen(): Promise<boolean> {
  if (typeof indexedDB === "undefined") return false;
  return new Promise((resolve) => {
    setTimeout(resolve, openLimitMilliseconds, false);
    try {
      const request = indexedDB.open("quillroom:probe");
      request.onsuccess = () => {
        request.result.close();
        resolve(true);
      };
      request.onerror = () => {
        resolve(false);
      };
    } catch {
      resolve(false);
    }
  });
}
