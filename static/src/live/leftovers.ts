import { clearDocument, IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { storeName, unsavedKey } from "./local-store";

const asidePrefix = "aside-";

/** Text that was written here and never reached the server: for an earlier lineage, or by who may not write any more. */
export interface Leftover {
  readonly edits: number;
  /** Is it of this lineage, and was put aside? */
  readonly aside: boolean;
  readonly document: Y.Doc;
  /** Removes it from this browser for good. */
  readonly discard: () => Promise<void>;
}

const openLimitMilliseconds = 4000;

/** Names of this document's stores in this browser, without the one in use; none where a browser does not list them. */
async function otherStores(documentId: string, epoch: string): Promise<string[]> {
  if (typeof indexedDB === "undefined" || !("databases" in indexedDB)) return [];
  try {
    const names = (await indexedDB.databases()).map(({ name }) => name ?? "");
    return names.filter((name) => name.startsWith(storeName(documentId, "")) && name !== storeName(documentId, epoch));
  } catch (problem) {
    // A browser that forbids storage to this page has no leftovers either.
    if (problem instanceof DOMException) return [];
    throw problem;
  }
}

/**
 * Puts the text of this browser aside, so that the page can begin anew with that of the server. Whoever calls has let go
 * of the store.
 */
export async function putAside(documentId: string, epoch: string, document: Y.Doc, edits: number): Promise<void> {
  const persistence = new IndexeddbPersistence(storeName(documentId, `${asidePrefix}${epoch}`), document);
  await persistence.whenSynced;
  await persistence.set(unsavedKey, Math.max(1, edits));
  await persistence.destroy();
  await clearDocument(storeName(documentId, epoch));
}

/**
 * Looks for text written against an earlier lineage. It is never merged into the present one: the same
 * words could then stand twice. A store without unsaved edits is removed, the server had all of it.
 */
export async function findLeftovers(documentId: string, epoch: string): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const name of await otherStores(documentId, epoch)) {
    const document = new Y.Doc();
    const persistence = new IndexeddbPersistence(name, document);
    const late = new Promise<null>((resolve) => setTimeout(resolve, openLimitMilliseconds, null));
    if ((await Promise.race([persistence.whenSynced, late])) === null) continue;
    const edits: unknown = await persistence.get(unsavedKey);
    await persistence.destroy();
    if (typeof edits === "number" && edits > 0) {
      const aside = name.startsWith(storeName(documentId, asidePrefix));
      found.push({ edits, aside, document, discard: () => clearDocument(name) });
    } else {
      await clearDocument(name);
    }
  }
  return found;
}
