import type { Node, Schema } from "@tiptap/pm/model";
import { prosemirrorToYXmlFragment } from "@tiptap/y-tiptap";
import type * as Y from "yjs";
import { readBlocks } from "../editor/reading";
import { acceptedBlock } from "./accepted";
import { mostReplies, type Overlay, readOverlay, rootsOf, variantsOf } from "./overlay";
import { baseOf } from "./plain";
import { SharedUndo } from "./undo";

/** What is written under this is not undone by itself. */
const unnoticed = Symbol("prepared");

type Fields = "link" | "tags" | `option/${string}`;

/** The blocks of one shared text, as accepted. It changes nothing of what another program wrote. */
export function readText(document: Y.Doc, root: string, schema: Schema): Node[] {
  return readBlocks(document.getXmlFragment(root), schema, new Map()).flatMap((node) => acceptedBlock(node) ?? []);
}

/**
 * One account's variant in the shared document, and what a person can do with it. Each deed is one transaction and one
 * step of undo.
 */
export class Variant {
  readonly undo: SharedUndo;
  readonly roots: ReturnType<typeof rootsOf>;
  readonly #document: Y.Doc;
  readonly #account: string;
  readonly #map: Y.Map<unknown>;
  readonly #schema: Schema;
  /** What is decided here is written under this, so that its undo takes back no other variant's. */
  readonly origin = { variant: true };

  constructor(document: Y.Doc, account: string, schema: Schema) {
    this.#document = document;
    this.#account = account;
    this.#schema = schema;
    this.#map = variantsOf(document);
    this.roots = rootsOf(account);
    this.undo = new SharedUndo(this.#map, this.origin);
    this.undo.addToScope(this.title);
  }

  /** The title of its own, which counts if the overlay says so. */
  get title(): Y.Text {
    return this.#document.getText(this.roots.title);
  }

  read(): Overlay {
    return readOverlay(this.#map, this.#account);
  }

  /** Gives a block words of its own, which at first are the document's. `block`: as accepted. */
  adapt(block: Node): void {
    const id = idOf(block);
    if (id === null || this.read().blocks.get(id)?.kind === "adapted") return;
    this.#prepare(this.roots.block(id), [block]);
    this.#do(() => {
      this.#set(`block/${id}`, { kind: "adapted", base: baseOf(block) });
    });
  }

  leaveOut(block: Node): void {
    const id = idOf(block);
    if (id === null) return;
    this.#do(() => {
      this.#set(`block/${id}`, { kind: "left out", base: baseOf(block) });
    });
  }

  /** Lets a block follow the document again. Its own words stay where they are, out of sight, for the undo. */
  follow(id: string): void {
    this.#do(() => {
      this.#drop(`block/${id}`);
    });
  }

  /** Notes that a person has seen what the document's block says now; `write` puts it into their text, if they wish. */
  reconcile(block: Node, write?: () => void): void {
    const id = idOf(block);
    const override = id === null ? undefined : this.read().blocks.get(id);
    if (id === null || override === undefined) return;
    this.#do(() => {
      write?.();
      this.#set(`block/${id}`, { kind: override.kind, base: baseOf(block) });
    });
  }

  /** Lets the text be one of its own, beginning with nothing, or follow the document again. */
  setOwn(own: boolean): void {
    const { hasStart, blocks } = this.read();
    const begins = own && !hasStart && ![...blocks.values()].some(({ kind }) => kind === "adapted");
    if (begins) this.#prepare(this.roots.start, []);
    this.#do(() => {
      if (own) this.#set("text", "own");
      else this.#drop("text");
      if (begins) this.#set("start", true);
    });
  }

  /** Makes room before the first block. */
  addStart(): void {
    if (this.read().hasStart) return;
    this.#prepare(this.roots.start, []);
    this.#do(() => {
      this.#set("start", true);
    });
  }

  dropStart(): void {
    this.#do(() => {
      this.#drop("start");
    });
  }

  /** Moves what was written for a block that is gone to the start. */
  keepOrphan(id: string): void {
    const kept = readText(this.#document, this.roots.block(id), this.#schema);
    const { hasStart } = this.read();
    if (!hasStart) this.#prepare(this.roots.start, kept);
    this.#do(() => {
      if (hasStart) {
        const before = readText(this.#document, this.roots.start, this.#schema).filter((node) => !isEmpty(node));
        this.#fill(this.roots.start, [...before, ...kept]);
      }
      this.#set("start", true);
      this.#drop(`block/${id}`);
    });
  }

  addTitle(title: string): void {
    if (this.read().hasTitle) return;
    this.#do(() => {
      this.title.delete(0, this.title.length);
      this.title.insert(0, title);
      this.#set("title", true);
    });
  }

  dropTitle(): void {
    this.#do(() => {
      this.#drop("title");
    });
  }

  /** Returns the id of the new post. */
  addReply(): string | null {
    const { replies } = this.read();
    if (replies.length >= mostReplies) return null;
    const id = crypto.randomUUID();
    const last = replies.at(-1);
    const place = last === undefined ? 0 : (this.#map.get(`${this.#account}/reply/${last}`) as { at: number }).at;
    this.#prepare(this.roots.reply(id), []);
    this.#do(() => {
      this.#set(`reply/${id}`, { at: place + 1 });
    });
    return id;
  }

  dropReply(id: string): void {
    this.#do(() => {
      this.#drop(`reply/${id}`);
    });
  }

  /** Writes a field; what is typed in one go is one step of undo. */
  write(field: Fields, words: string): void {
    this.#document.transact(() => {
      if (words === "") this.#drop(field);
      else this.#set(field, words);
    }, this.origin);
  }

  #do(deed: () => void): void {
    this.undo.stopCapturing();
    this.#document.transact(deed, this.origin);
    this.undo.stopCapturing();
  }

  #set(name: string, value: unknown): void {
    this.#map.set(`${this.#account}/${name}`, value);
  }

  #drop(name: string): void {
    this.#map.delete(`${this.#account}/${name}`);
  }

  /**
   * Writes a text that does not count yet; what was there from an earlier time gives way. Undo leaves it where it is, and
   * takes back that it counts: no text may be without any block while somebody's editor shows it.
   */
  #prepare(root: string, blocks: readonly Node[]): void {
    this.#document.transact(() => {
      this.#fill(root, blocks);
    }, unnoticed);
  }

  #fill(root: string, blocks: readonly Node[]): void {
    const fragment = this.#document.getXmlFragment(root);
    this.undo.addToScope(fragment);
    fragment.delete(0, fragment.length);
    const { doc, paragraph } = this.#schema.nodes;
    if (!doc || !paragraph) throw new Error("The schema has no document.");
    prosemirrorToYXmlFragment(doc.create(null, blocks.length > 0 ? [...blocks] : [paragraph.create()]), fragment);
  }
}

/** The id by which a variant names a block of the document; null for one that has none yet. */
export function idOf(block: Node): string | null {
  const id: unknown = block.attrs["id"];
  return typeof id === "string" && id !== "" ? id : null;
}

export function isEmpty(block: Node): boolean {
  return block.isTextblock && block.content.size === 0;
}
