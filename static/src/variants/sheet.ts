import type { Node, Schema } from "@tiptap/pm/model";
import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import type { Session } from "../live/session";
import { BlockRow } from "./block-row";
import { Fields } from "./fields";
import { LabelledText } from "./labelled-text";
import { drawBlocks, type Surroundings, textButton } from "./own-text";
import { mostReplies, type Overlay } from "./overlay";
import type { Account, VariantsPage } from "./page";
import type { Layout } from "./resolve";
import { TitleRow } from "./title-row";
import { readText, Variant } from "./variant";

/** Channels on which what follows the first post is a comment below it, and no thread. */
const commented = new Set(["reddit"]);

/** Puts elements into a place in this order, and moves none that stands right: moving takes the caret out of a text. */
function arrange(place: HTMLElement, wanted: readonly HTMLElement[]): void {
  const kept = new Set(wanted);
  for (const child of [...place.children]) if (!kept.has(child as HTMLElement)) child.remove();
  wanted.forEach((element, at) => {
    const there = place.children[at];
    if (there === element) return;
    // One that went before it makes way, rather than all behind it.
    if (there?.nextElementSibling === element) place.append(there);
    if (place.children[at] !== element) place.insertBefore(element, place.children[at] ?? null);
  });
}

/** The text of one account's variant, block by block, as it is written and decided about. */
export class Sheet {
  readonly variant: Variant;
  readonly #account: Account;
  readonly #session: Session;
  readonly #page: VariantsPage;
  readonly #around: Surroundings;
  readonly #title: TitleRow | null;
  readonly #fields: Fields;
  readonly #rows = new Map<string, BlockRow>();
  readonly #replies = new Map<string, LabelledText>();
  readonly #orphans = new Map<string, HTMLElement>();
  #start: LabelledText | null = null;
  readonly #deeds = buildElement("div", { class: "variant-deeds variant-start-deeds" });
  readonly #unused = buildElement("div", {
    class: "variant-unused",
    children: [
      buildElement("h2", { text: say("variant.unused") }),
      buildElement("p", { class: "variant-hint", text: say("variant.unused.hint") }),
    ],
  });
  readonly #end = new AbortController();
  readonly #addStart: HTMLButtonElement;
  readonly #addReply: HTMLButtonElement;

  constructor(page: VariantsPage, account: Account, session: Session, schema: Schema, refresh: () => void) {
    this.#page = page;
    this.#account = account;
    this.#session = session;
    this.variant = new Variant(session.document, account.id, schema);
    this.#around = { session, uploads: page.uploads, schema, variant: this.variant, name: account.name, refresh };
    this.#title = account.hasTitles ? new TitleRow(this.#around) : null;
    this.#fields = new Fields(account.fields, this.variant);
    this.#addStart = textButton("start", say("variant.start.add"), () => {
      this.variant.addStart();
      refresh();
      this.#start?.focus();
    });
    this.#addReply = textButton("reply", "", () => {
      const id = this.variant.addReply();
      refresh();
      if (id !== null) this.#replies.get(id)?.focus();
    });
    const { signal } = this.#end;
    page.mode.addEventListener("change", ({ target }) => {
      if (!(target instanceof HTMLInputElement)) return;
      const own = target.value === "own";
      this.variant.setOwn(own);
      refresh();
      if (own) this.#start?.focus();
    }, { signal });
    document.addEventListener("keydown", (event) => { this.#undo(event); }, { signal });
    page.text.replaceChildren();
  }

  update(layout: Layout, overlay: Overlay, title: string): void {
    const { mayWrite } = this.#session;
    const wanted: HTMLElement[] = [];
    this.#updateMode(overlay, mayWrite);
    if (this.#title) {
      this.#title.update(title, overlay.hasTitle);
      wanted.push(this.#title.element);
    }
    wanted.push(...this.#showStart(overlay, mayWrite));
    const { used, unused } = this.#showBlocks(layout);
    wanted.push(...used, ...this.#showOrphans(layout, mayWrite), ...this.#showReplies(overlay, mayWrite));
    if (unused.length > 0) wanted.push(this.#unused, ...unused);
    arrange(this.#page.text, wanted);
    this.#fields.update(overlay, mayWrite);
  }

  destroy(): void {
    this.#end.abort();
    this.#title?.destroy();
    this.#fields.destroy();
    for (const row of this.#rows.values()) row.destroy();
    for (const reply of this.#replies.values()) reply.destroy();
    this.#start?.destroy();
    this.variant.undo.end();
  }

  #updateMode(overlay: Overlay, mayWrite: boolean): void {
    const { mode, hint } = this.#page;
    mode.disabled = !mayWrite;
    for (const choice of mode.querySelectorAll<HTMLInputElement>("input")) {
      choice.checked = (choice.value === "own") === overlay.isOwn;
    }
    const words = say(!mayWrite ? "variant.hint.read" : overlay.isOwn ? "variant.hint.own" : "variant.hint.follows");
    hint.hidden = words === "";
    if (hint.textContent !== words) hint.textContent = words;
  }

  #showStart(overlay: Overlay, mayWrite: boolean): HTMLElement[] {
    if (overlay.hasStart) {
      const words = { label: say(overlay.isOwn ? "variant.start.own" : "variant.start"), drop: say("variant.start.drop") };
      this.#start ??= new LabelledText(this.#around, this.variant.roots.start, words, () => {
        this.variant.dropStart();
        this.#around.refresh();
        this.#addStart.focus();
      });
      this.#start.update(words.label, mayWrite);
      return [this.#start.element];
    }
    this.#start?.destroy();
    this.#start = null;
    if (!mayWrite) return [];
    if (this.#addStart.parentElement === null) this.#deeds.append(this.#addStart);
    return [this.#deeds];
  }

  #showBlocks({ places }: Layout): { used: HTMLElement[]; unused: HTMLElement[] } {
    const seen = new Set<string>();
    const [used, unused]: [HTMLElement[], HTMLElement[]] = [[], []];
    places.forEach((place, at) => {
      // A block without an id is known by its place.
      const key = place.id ?? `at ${String(at)}`;
      seen.add(key);
      let row = this.#rows.get(key);
      if (!row) {
        row = new BlockRow(this.#around, place);
        this.#rows.set(key, row);
      }
      row.update(place);
      (place.isUnused ? unused : used).push(row.element);
    });
    for (const [key, row] of this.#rows) {
      if (seen.has(key)) continue;
      row.destroy();
      this.#rows.delete(key);
    }
    return { used, unused };
  }

  #showOrphans({ orphans }: Layout, mayWrite: boolean): HTMLElement[] {
    for (const id of this.#orphans.keys()) if (!orphans.includes(id)) this.#orphans.delete(id);
    return orphans.map((id) => {
      const text = readText(this.#session.document, this.variant.roots.block(id), this.#around.schema);
      const drawn = JSON.stringify([mayWrite, text.map((node) => node.toJSON() as unknown)]);
      const known = this.#orphans.get(id);
      if (known?.dataset["drawn"] === drawn) return known;
      const element = this.#drawOrphan(id, text, mayWrite);
      element.dataset["drawn"] = drawn;
      this.#orphans.set(id, element);
      return element;
    });
  }

  #drawOrphan(id: string, text: readonly Node[], mayWrite: boolean): HTMLElement {
    const deeds = [
      textButton("keep-orphan", say("variant.orphan.use"), () => {
        this.variant.keepOrphan(id);
        this.#around.refresh();
        this.#start?.focus();
      }),
      textButton("drop-orphan", say("variant.orphan.drop"), () => {
        this.variant.follow(id);
        this.#around.refresh();
      }),
    ];
    return buildElement("div", {
      class: "variant-block",
      attributes: { "data-kind": "orphan", role: "group", "aria-label": say("variant.orphan") },
      children: [
        buildElement("p", { class: "variant-drift-heading", text: `${say("variant.orphan")}. ${say("variant.orphan.hint")}` }),
        drawBlocks(this.#around.schema, text),
        ...(mayWrite ? [buildElement("div", { class: "variant-deeds", children: deeds })] : []),
      ],
    });
  }

  #showReplies(overlay: Overlay, mayWrite: boolean): HTMLElement[] {
    // What was written while the channel took replies stays in sight.
    if (!this.#account.hasReplies && overlay.replies.length === 0) return [];
    const areComments = commented.has(this.#account.channel);
    for (const [id, reply] of this.#replies) {
      if (overlay.replies.includes(id)) continue;
      reply.destroy();
      this.#replies.delete(id);
    }
    const elements = overlay.replies.map((id, at) => {
      const label = areComments ? say("variant.reply.comment", { number: at + 1 }) : say("variant.reply", { number: at + 2 });
      let reply = this.#replies.get(id);
      if (!reply) {
        reply = new LabelledText(this.#around, this.variant.roots.reply(id), { label, drop: say("variant.reply.drop") }, () => {
          this.variant.dropReply(id);
          this.#around.refresh();
          this.#addReply.focus();
        });
        reply.element.dataset["reply"] = id;
        this.#replies.set(id, reply);
      }
      reply.update(label, mayWrite);
      return reply.element;
    });
    if (!mayWrite || !this.#account.hasReplies || overlay.replies.length >= mostReplies) return elements;
    const words = say(areComments && overlay.replies.length === 0 ? "variant.reply.first" : "variant.reply.add");
    if (this.#addReply.textContent !== words) this.#addReply.textContent = words;
    return [...elements, this.#addReply];
  }

  /** The keys of undo anywhere but in a text, which has them itself, or in a field that is somebody else's. */
  #undo(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.altKey || !(event.ctrlKey || event.metaKey)) return;
    const { target } = event;
    if (target instanceof Element && target.closest(".prose-body[contenteditable=true], textarea, [data-link-editor], [data-image-toolbar]")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) this.variant.undo.redo();
    else this.variant.undo.undo();
    this.#around.refresh();
  }
}

