import type { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { NodeSelection } from "@tiptap/pm/state";
import type { Announcer } from "../editor/announcer";
import { buildElement, icon } from "../editor/build-element";
import { keyName } from "../editor/key-names";
import type { Page } from "../editor/page";
import { addPanel, placePanel } from "../editor/place-panel";
import { say } from "../editor/words";
import type { Session } from "../live/session";
import { showToast } from "../ui/toast";
import { CommentsApi, type SuggestionName } from "./api";
import type { Beside, Range, Talk } from "./beside";
import { Card, type CardHost } from "./card";
import { Composer } from "./composer";
import { type Draft, Drafts } from "./drafts";
import { type Highlight, highlight, highlights } from "./highlights";
import { concerns, mayAttach, type Place, suggestionKey, type Thread } from "./model";
import { bringIntoView, type Filter, Panel, type Placed, type Shown } from "./panel";
import { type Located, locate, Memory, placeOfBlock, placeOfSelection, placeOfText } from "./places";
import { commentEvent, type CommentRequest } from "./request";
import { Threads } from "./threads";

const newThread = "new";
const locateMilliseconds = 150;
/** Whoever finds words again stores their place; not all browsers at once. */
const attachMilliseconds = [800, 3000] as const;
const mostAttached = 6;
/** News of the whole workspace reaches all its pages at once; they do not ask at once. */
const sharedMilliseconds = 2000;
/** The place of what is about no words: a suggested block without any. */
const nowhere: Place = { kind: "text", anchor: null, block_id: null, quote: "", before: "", after: "" };
const suggestionsPattern = /^#suggestions(?:-[a-z]+)?$/u;
const cardPattern = /^#comment-([0-9a-f-]{36})$/u;

type About = SuggestionName & { readonly key: string };

interface Composing {
  readonly place: Place;
  /** The suggestion that the new thread is to be about. */
  readonly about: About | null;
  readonly composer: Composer;
  readonly element: HTMLElement;
}

interface Parts {
  readonly page: Page;
  readonly session: Session;
  readonly editor: Editor;
  readonly announcer: Announcer;
  readonly beside: Beside;
}

/** Ties threads, text and cards together. */
class Comments {
  readonly #page: Page;
  readonly #session: Session;
  readonly #editor: Editor;
  readonly #announcer: Announcer;
  readonly #beside: Beside;
  readonly #api: CommentsApi;
  readonly #threads: Threads;
  readonly #drafts: Drafts;
  readonly #panel: Panel;
  readonly #memory = new Memory();
  readonly #cards = new Map<string, Card>();
  readonly #known = new Set<string>();
  readonly #host: CardHost;
  readonly #here = buildElement("div", { class: "toolbar comment-here" });
  #located = new Map<string, Located>();
  /** What was found in the document as it is: as long as neither changes, a thread's place is not looked for again. */
  #found = new Map<string, { readonly thread: Thread; readonly text: Node; readonly located: Located | null }>();
  #activeId: string | null = null;
  #composing: Composing | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attaching: ReturnType<typeof setTimeout> | undefined;
  #linked = false;
  readonly #loaded: Promise<void>;

  constructor({ page, session, editor, announcer, beside }: Parts) {
    this.#page = page;
    this.#beside = beside;
    this.#session = session;
    this.#editor = editor;
    this.#announcer = announcer;
    this.#api = new CommentsApi(page.api, page.uploads.csrf);
    this.#threads = new Threads(this.#api);
    this.#drafts = new Drafts(page.documentId, page.me.id);
    this.#host = this.#makeHost();
    this.#panel = new Panel({
      onChange: () => {
        this.#followPanel();
      },
      onRetry: () => void this.#threads.load(),
      onClose: () => {
        this.#backToText();
      },
      topOf: (id) => this.#topOf(id),
      inWindow: () => this.#inWindow(),
    });
    this.#threads.watch(() => {
      this.#announceNew();
      this.#locateSoon(0);
    });
    this.#watchEditor();
    this.#watchKeys();
    this.#offerHere();
    document.body.addEventListener("quillroom:comments", (event) => {
      this.#hear((event as CustomEvent<unknown>).detail);
    });
    document.body.addEventListener("quillroom:documents", (event) => {
      const { document_id: id, change } = ((event as CustomEvent<unknown>).detail ?? {}) as Record<string, unknown>;
      // Who may do what has changed, here or around it, or the document went to the trash or came back.
      if (id === page.documentId && change !== "updated" && change !== "renamed") void this.#threads.refreshRights();
      else if (id === null && change === "shared") setTimeout(() => void this.#threads.refreshRights(), Math.random() * sharedMilliseconds);
    });
    window.addEventListener("hashchange", () => {
      this.#linked = false;
      this.#followLink();
    });
    beside.join({
      refresh: () => {
        this.#locateSoon(0);
      },
      refreshNow: () => {
        this.#locate();
      },
      reveal: (mark, card) => {
        this.#bringIntoView(mark, card);
      },
      talk: (key) => this.#talk(key),
      threadAbout: (key) => this.#about(key),
      discuss: (suggestion, range) => {
        this.#discuss(suggestion, range);
      },
      list: () => {
        if (this.#panel.floats) return;
        this.#panel.filter = "suggested";
        this.#panel.open();
        this.#locate();
      },
      openThread: (id) => {
        this.#panel.filter = this.#threads.get(id)?.resolved_at === null ? "open" : "resolved";
        this.#panel.open();
        this.activate(id);
        this.#cards.get(id)?.element.focus({ preventScroll: true });
      },
    });
    document.body.addEventListener("quillroom:suggestions", (event) => {
      const { document_id: id } = ((event as CustomEvent<unknown>).detail ?? {}) as Record<string, unknown>;
      if (id !== page.documentId) return;
      // By whom something was decided may be told a moment after that it was.
      for (const thread of this.#threads.all) {
        const { suggestion } = thread;
        if (suggestion && suggestion.state !== "pending" && !suggestion.decided_by) this.#threads.refreshSoon(thread.id);
      }
    });
    this.#loaded = this.#threads.load().then(() => {
      this.#takeUpDraft();
    });
  }

  /** Where cards are has changed. Where none are to be seen, none is active; words not sent are kept. */
  #followPanel(): void {
    if (!this.#panel.floats && !this.#panel.isOpen) {
      this.#activeId = null;
      this.#composing = null;
    }
    this.#locate();
    this.#takeUpDraft();
  }

  /** Words for a new thread that were not sent when the page closed. */
  #takeUpDraft(): void {
    const draft = this.#drafts.read(newThread);
    const shown = this.#panel.floats || this.#panel.isOpen;
    if (!draft?.place || this.#composing || !this.#threads.rights.may_comment || !shown) return;
    this.#compose({ ...draft, place: draft.place }, null);
  }

  /** Opens a card for a new thread: about the block at `block`, or about what is selected. */
  async begin(block: number | null): Promise<void> {
    // Whoever may write may comment: not to wait then, lest the words go into the text.
    const isSure = this.#threads.state === "loading" && this.#session.mayWrite;
    if (this.#threads.state === "loading" && !isSure) await this.#loaded;
    if (this.#editor.isDestroyed) return;
    if (this.#composing?.composer.isSending === true) {
      this.#composing.composer.focus();
      return;
    }
    const { state } = this.#editor;
    if (!isSure && !this.#threads.rights.may_comment) {
      showToast(say(this.#threads.state === "ready" ? "comments.mayNot" : "comments.failed"));
      return;
    }
    const place = block === null ? placeOfSelection(state) : placeOfBlock(state, block);
    if (place === null) {
      showToast(say("comments.selectFirst"));
      return;
    }
    const begun = this.#drafts.read(newThread);
    // Another place makes it another comment than the one that may have been sent already.
    this.#compose({ text: "", people: [], ...begun, id: crypto.randomUUID(), place }, null);
    if (!this.#composing) return;
    this.#reveal(newThread, this.#composing.element);
    this.#composing.composer.focus();
  }

  /** The thread about a suggestion. */
  #about(key: string): Thread | null {
    return this.#threads.all.find((thread) => suggestionKey(thread) === key) ?? null;
  }

  /** Are cards of suggestions shown, which hold what is said about them? */
  get #showsSuggestions(): boolean {
    return this.#panel.floats || (this.#panel.isOpen && this.#panel.filter === "suggested");
  }

  /** The card of its suggestion in which a thread is shown now; null for one that has its own. */
  #home(thread: Thread): string | null {
    const key = suggestionKey(thread);
    return key !== null && this.#showsSuggestions && this.#beside.rangeOf(key) !== null ? key : null;
  }

  #talk(key: string): Talk | null {
    const thread = this.#about(key);
    if (thread && this.#home(thread) === key) {
      const card = this.#card(thread);
      const active = thread.id === this.#activeId || this.#beside.activeId === key;
      card.show(thread, { active, orphan: false });
      return { element: card.element, count: thread.comments.filter(({ deleted }) => !deleted).length, active };
    }
    if (this.#composing?.about?.key !== key) return null;
    return { element: this.#composing.element, count: 0, active: true };
  }

  #discuss(about: About, { from, to, block }: Range): void {
    const thread = this.#about(about.key);
    if (thread) {
      this.activate(thread.id);
      this.#cards.get(thread.id)?.focusReply();
      return;
    }
    if (this.#composing?.about?.key !== about.key) {
      const { state } = this.#editor;
      const place = (block ? placeOfBlock(state, from) : placeOfText(state, from, to)) ?? nowhere;
      const begun = this.#drafts.read(`about-${about.key}`);
      this.#compose({ text: "", people: [], ...begun, id: crypto.randomUUID(), place }, about);
    }
    this.#beside.activate(about.key);
    this.#composing?.composer.focus();
  }

  #compose(draft: Draft & { readonly place: Place }, about: About | null): void {
    const { place } = draft;
    const close = () => {
      this.#composing = null;
      this.#locate();
      this.#backToText();
    };
    const composer: Composer = new Composer({
      api: this.#api,
      drafts: this.#drafts,
      name: about === null ? newThread : `about-${about.key}`,
      label: say("comments.write"),
      submit: say("comments.send"),
      begin: draft,
      onSend: async ({ id, text }) => {
        const thread = await this.#api.begin(id, text, place, about);
        // Somebody may have left it meanwhile, and begun another.
        const isOpen = this.#composing?.composer === composer;
        if (isOpen) this.#composing = null;
        this.#known.add(id);
        this.#threads.take(thread);
        if (!isOpen) return;
        this.activate(thread.id);
        this.#cards.get(thread.id)?.element.focus({ preventScroll: true });
      },
      onLeave: close,
    });
    const quote = place.quote === "" ? say(place.kind === "image" ? "comments.onImage" : "comments.onBlock") : place.quote;
    const element = buildElement("section", {
      class: "thread thread-new",
      attributes: { "data-active": "true", "aria-label": say("comments.write"), "data-thread-card": newThread },
      children: [buildElement("p", { class: "thread-quote", text: quote }), composer.element],
    });
    this.#composing = { place, about, composer, element };
    this.#activeId = about === null ? newThread : null;
    if (!this.#panel.floats && about === null) {
      this.#panel.filter = "open";
      this.#panel.open();
    }
    this.#locate();
  }

  /** Makes a thread the one that is read. */
  activate(threadId: string): void {
    if (this.#activeId === threadId) return;
    this.#activeId = threadId;
    this.#locate();
    const thread = this.#threads.get(threadId);
    const home = thread ? this.#home(thread) : null;
    if (home !== null) this.#beside.activate(home);
    else this.#reveal(threadId, this.#cards.get(threadId)?.element ?? null);
  }

  /** Brings a place and its card into view. */
  #reveal(id: string, card: HTMLElement | null): void {
    this.#bringIntoView(this.#editor.view.dom.querySelector(`[data-thread="${CSS.escape(id)}"]`), card);
  }

  #bringIntoView(mark: Element | null, card: HTMLElement | null): void {
    const drawer = document.querySelector("#comments-drawer")?.getBoundingClientRect();
    // On a phone the sheet lies over the lower part of the text.
    const below = this.#panel.isOpen && drawer && drawer.width >= window.innerWidth - 1 ? drawer.height : 0;
    if (mark) bringIntoView(mark, below);
    if (card) this.#panel.reveal(card);
  }

  #deactivate(): void {
    if (this.#activeId === null || this.#activeId === newThread) return;
    this.#activeId = null;
    this.#locate();
  }

  #backToText(): void {
    this.#deactivate();
    if (!this.#editor.isDestroyed) this.#editor.view.focus();
  }

  /** The next or the last thread, in the order in which they are shown. */
  #step(direction: 1 | -1): void {
    const shown = this.#list();
    if (shown.length === 0) {
      showToast(say("comments.empty.open"));
      return;
    }
    const at = shown.findIndex(({ id }) => id === this.#activeId);
    const next = at === -1 ? (direction === 1 ? 0 : shown.length - 1) : (at + direction + shown.length) % shown.length;
    const thread = shown[next];
    if (!thread) return;
    if (!this.#panel.floats && !this.#panel.isOpen) this.#panel.open();
    this.activate(thread.id);
    this.#cards.get(thread.id)?.element.focus({ preventScroll: true });
  }

  #hear(detail: unknown): void {
    const { change, document_id: documentId, thread_id: threadId } = (detail ?? {}) as Record<string, unknown>;
    if (change === "resync") void this.#threads.load();
    else if (documentId === this.#page.documentId && typeof threadId === "string") this.#threads.refreshSoon(threadId);
  }

  #announceNew(): void {
    const isFirst = this.#known.size === 0;
    for (const thread of this.#threads.all) {
      for (const { id, author } of thread.comments) {
        if (this.#known.has(id)) continue;
        this.#known.add(id);
        if (!isFirst && author && author.id !== this.#page.me.id) {
          this.#announcer.announce("comments", say("comments.came", { name: author.name }));
        }
      }
    }
  }

  #watchEditor(): void {
    const editor = this.#editor;
    editor.on("transaction", ({ transaction }) => {
      if (!transaction.docChanged) return;
      // At once the marks move along with the text; what exactly became of the places is asked a little later.
      this.#locateSoon(locateMilliseconds);
    });
    editor.on("selectionUpdate", () => {
      if (this.#panel.floats && editor.view.hasFocus()) this.#followCaret();
    });
    editor.view.dom.addEventListener("click", (event) => {
      const mark = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-thread]") : null;
      const id = mark?.dataset["thread"];
      if (id === undefined || !this.#threads.get(id)) return;
      if (!this.#panel.floats) {
        if (this.#threads.get(id)?.resolved_at !== null) this.#panel.filter = "resolved";
        else if (this.#panel.filter !== "mine") this.#panel.filter = "open";
        this.#panel.open();
        this.#activeId = null;
      }
      this.activate(id);
    });
    editor.view.dom.addEventListener(commentEvent, (event) => {
      const { block } = (event as CustomEvent<CommentRequest>).detail;
      void this.begin(block);
    });
    editor.on("destroy", () => {
      clearTimeout(this.#timer);
      clearTimeout(this.#attaching);
    });
  }

  #followCaret(): void {
    const { selection } = this.#editor.state;
    const inside = highlights(this.#editor.state)
      .filter(({ from, to, resolved }) => !resolved && from <= selection.from && selection.to <= to)
      .sort((one, other) => one.to - one.from - (other.to - other.from))[0];
    if (inside) {
      if (inside.id !== this.#activeId && this.#activeId !== newThread) {
        this.#activeId = inside.id;
        this.#locate();
      }
    } else this.#deactivate();
  }

  #watchKeys(): void {
    window.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || !event.altKey || event.shiftKey) return;
      // On many keyboards that is how letters are typed.
      if (event.getModifierState("AltGraph")) return;
      if (event.code === "KeyM") {
        event.preventDefault();
        void this.begin(null);
      } else if (event.code === "KeyN" || event.code === "KeyP") {
        event.preventDefault();
        this.#step(event.code === "KeyN" ? 1 : -1);
      }
    });
  }

  /** A button at the selection where there is no toolbar: for who only reads, and in code. */
  #offerHere(): void {
    const button = buildElement("button", {
      class: "tool tool-wide",
      attributes: { type: "button", title: keyName("Mod+Alt+M"), "data-comment-here": "" },
      children: [icon("comment"), buildElement("span", { text: say("tool.comment") })],
    });
    button.addEventListener("mousedown", (event) => {
      event.preventDefault();
    });
    button.addEventListener("click", () => {
      this.#here.hidden = true;
      void this.begin(null);
    });
    this.#here.append(button);
    this.#here.hidden = true;
    addPanel(this.#here);
    const editor = this.#editor;
    const update = () => {
      if (editor.isDestroyed) return;
      const { view, state } = editor;
      const { selection } = state;
      const untooled = !view.editable || selection.$from.parent.type.spec.code === true;
      const image = selection instanceof NodeSelection && selection.node.type.name === "image";
      const words = !selection.empty && state.doc.textBetween(selection.from, selection.to, " ").trim() !== "";
      const wanted = untooled && (words || image);
      this.#here.hidden = !wanted || !this.#threads.rights.may_comment || this.#composing !== null;
      if (this.#here.hidden) return;
      const start = view.coordsAtPos(selection.from);
      const end = view.coordsAtPos(selection.to, -1);
      const left = Math.min(start.left, end.left);
      const box = new DOMRect(left, start.top, Math.abs(end.left - start.left), end.bottom - start.top);
      void placePanel(this.#here, { contextElement: view.dom, getBoundingClientRect: () => box }, "top");
    };
    editor.on("selectionUpdate", update);
    window.addEventListener("scroll", update, { passive: true });
    // What was selected before the answer about one's rights came.
    this.#threads.watch(update);
  }

  #locateSoon(milliseconds: number): void {
    if (milliseconds === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#timer ??= setTimeout(() => {
      this.#locate();
    }, milliseconds);
  }

  /** Looks where every place is now, and shows all anew. */
  #locate(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const editor = this.#editor;
    if (editor.isDestroyed) return;
    const before = this.#located;
    this.#located = new Map();
    const known = this.#found;
    this.#found = new Map();
    const text = editor.state.doc;
    const shown: Highlight[] = [];
    for (const thread of this.#threads.all) {
      const key = suggestionKey(thread);
      const range = key === null ? null : this.#beside.rangeOf(key);
      if (range !== null) {
        // Where the suggestion is, which is marked already.
        this.#located.set(thread.id, { ...range, by: "anchor" });
        continue;
      }
      const last = known.get(thread.id);
      const isSame = last?.thread === thread && last.text === text;
      const found = isSame ? last.located : locate(editor.state, thread, this.#memory);
      this.#found.set(thread.id, { thread, text, located: found });
      if (found === null) {
        if (before.has(thread.id) && key === null) this.#announcer.announce("orphan", say("comments.orphaned"));
        continue;
      }
      this.#located.set(thread.id, found);
      const { id } = thread;
      shown.push({ ...found, id, resolved: thread.resolved_at !== null, active: id === this.#activeId });
    }
    if (this.#composing?.about === null) {
      const asThread = { id: newThread, place: this.#composing.place } as Thread;
      const found = locate(editor.state, asThread, this.#memory);
      if (found) {
        this.#located.set(newThread, found);
        shown.push({ ...found, id: newThread, resolved: false, active: true });
      }
    }
    // Wide places first: a place within another is drawn over it.
    shown.sort((one, other) => other.to - other.from - (one.to - one.from));
    if (JSON.stringify(shown) !== JSON.stringify(highlights(editor.state))) {
      editor.view.dispatch(highlight(editor.state, shown));
    }
    this.#keepFound();
    this.#show();
    this.#followLink();
  }

  /** Stores places that were found by their words, so that the next edit of these words does not lose them. */
  #keepFound(): void {
    const isFound = (id: string) => this.#located.get(id)?.by === "words" && this.#threads.get(id)?.suggestion === null;
    if (this.#attaching !== undefined || ![...this.#located.keys()].some(isFound)) return;
    const [least, most] = attachMilliseconds;
    this.#attaching = setTimeout(
      () => {
        this.#attaching = undefined;
        // What this browser alone knows of the text is no ground to move what others see.
        if (this.#editor.isDestroyed || !this.#session.connection.settled || !this.#threads.rights.may_comment) return;
        const found = [...this.#located.keys()].filter((id) => isFound(id) && this.#threads.get(id)?.resolved_at === null);
        // The others are found by their words next time.
        void Promise.all(found.slice(0, mostAttached).map((id) => this.#keep(id)));
      },
      least + Math.random() * (most - least),
    );
  }

  async #keep(id: string): Promise<void> {
    const found = this.#located.get(id);
    const place = found ? placeOfText(this.#editor.state, found.from, found.to) : null;
    const comment = this.#threads.get(id)?.comments.find(({ deleted }) => !deleted);
    const thread = this.#threads.get(id);
    if (!place || !comment || !thread) return;
    // Somebody else's is attached by them, or by whoever may edit.
    const mayAny = mayAttach(thread, { me: this.#page.me.id, rights: this.#threads.rights });
    if (place.quote !== thread.place.quote && !mayAny) return;
    try {
      this.#threads.take(await this.#api.move(comment.id, place));
    } catch {
      // It is found by its words again until somebody's attempt succeeds.
    }
  }

  #attach(thread: Thread): void {
    const { state } = this.#editor;
    const place = state.selection.empty ? null : placeOfSelection(state);
    const comment = thread.comments.find(({ deleted }) => !deleted);
    if (!place || !comment) {
      showToast(say("comments.selectToAttach"));
      return;
    }
    this.#api.move(comment.id, place).then(
      (moved) => {
        this.#memory.words.delete(thread.id);
        this.#panel.filter = moved.resolved_at === null ? "open" : "resolved";
        this.#threads.take(moved);
        this.activate(moved.id);
      },
      (refusal: unknown) => {
        showToast(refusal instanceof Error ? refusal.message : say("comments.failed"));
      },
    );
  }

  #fits(thread: Thread, filter: Filter): boolean {
    const resolved = thread.resolved_at !== null;
    if (filter === "resolved") return resolved;
    if (filter === "mine") return concerns(thread, this.#page.me.id);
    // What was suggested comes and goes; what was said about it has its sentence, and needs no other words.
    const orphan = !this.#located.has(thread.id) && thread.suggestion === null;
    return filter === "orphaned" ? orphan : !resolved;
  }

  /** The threads that are shown now, in order. */
  #list(): Thread[] {
    const inRail = (thread: Thread) =>
      this.#located.has(thread.id) && this.#home(thread) === null && (thread.resolved_at === null || thread.id === this.#activeId);
    const found = this.#threads.all.filter((thread) =>
      this.#panel.isOpen ? this.#fits(thread, this.#panel.filter) || thread.id === this.#activeId : inRail(thread),
    );
    if (this.#panel.isOpen && this.#panel.order === "time") {
      return found.sort((one, other) => other.created_at.localeCompare(one.created_at));
    }
    const placeOf = ({ id }: Thread) => this.#located.get(id)?.from ?? Number.MAX_SAFE_INTEGER;
    return found.sort((one, other) => placeOf(one) - placeOf(other));
  }

  #card(thread: Thread): Card {
    const known = this.#cards.get(thread.id);
    if (known) return known;
    const card = new Card(this.#host, thread);
    this.#cards.set(thread.id, card);
    return card;
  }

  #makeHost(): CardHost {
    return {
      me: this.#page.me,
      api: this.#api,
      drafts: this.#drafts,
      rights: () => this.#threads.rights,
      take: (thread) => {
        this.#threads.take(thread);
      },
      removed: (threadId) => this.#threads.refresh(threadId),
      activate: (threadId) => {
        this.activate(threadId);
      },
      leave: () => {
        this.#backToText();
      },
      step: (direction) => {
        this.#step(direction);
      },
      attach: (thread) => {
        this.#attach(thread);
      },
      copyLink: (threadId) => {
        const url = new URL(window.location.href);
        url.hash = `comment-${threadId}`;
        navigator.clipboard.writeText(url.href).then(
          () => {
            showToast(say("comments.linkCopied"));
          },
          () => {
            showToast(url.href);
          },
        );
      },
      resized: () => {
        this.#panel.layOut();
      },
    };
  }

  #topOf(id: string): number | null {
    if (this.#editor.isDestroyed) return null;
    const { view, state } = this.#editor;
    // Of these the positions have moved along with the text since it was asked where the places are.
    const found = highlights(state).find((each) => each.id === id);
    const base = this.#panel.rail.parentElement?.getBoundingClientRect().top ?? 0;
    if (!found) {
      const range = this.#beside.rangeOf(id);
      return range === null ? null : view.coordsAtPos(range.from).top - base - 4;
    }
    if (found.block) {
      const node = view.nodeDOM(found.from);
      if (node instanceof HTMLElement) return node.getBoundingClientRect().top - base;
    }
    return view.coordsAtPos(found.from).top - base - 4;
  }

  /** What part of the text is in the window. */
  #inWindow(): { readonly from: number; readonly to: number } {
    const { view, state } = this.#editor;
    const { left, right, top, bottom } = view.dom.getBoundingClientRect();
    const { size } = state.doc.content;
    const at = (y: number) => view.posAtCoords({ left: (left + right) / 2, top: y })?.pos;
    const from = top >= 0 ? 0 : bottom <= 0 ? size : (at(1) ?? 0);
    const to = bottom <= window.innerHeight ? size : top >= window.innerHeight ? 0 : (at(window.innerHeight - 1) ?? size);
    return { from, to };
  }

  #show(): void {
    const suggested = this.#panel.isOpen && this.#panel.filter === "suggested";
    const threads = suggested ? [] : this.#list();
    for (const id of [...this.#cards.keys()]) if (!this.#threads.get(id)) this.#cards.delete(id);
    const cards: Shown[] = threads.map((thread) => ({
      id: thread.id,
      show: () => {
        const card = this.#card(thread);
        const active = thread.id === this.#activeId;
        const orphan = this.#threads.state === "ready" && !this.#located.has(thread.id) && thread.suggestion === null;
        card.show(thread, { active, orphan });
        return card.element;
      },
    }));
    const about = this.#composing?.about ?? null;
    // A comment on a suggestion that went meanwhile keeps its words, in a card of its own.
    if (this.#composing && (about === null || this.#beside.rangeOf(about.key) === null)) {
      const { element } = this.#composing;
      const from = this.#located.get(newThread)?.from ?? 0;
      const place = this.#panel.floats ? cards.findIndex(({ id }) => (this.#located.get(id)?.from ?? 0) > from) : 0;
      cards.splice(place === -1 ? cards.length : place, 0, { id: newThread, show: () => element });
    }
    if (suggested) cards.push(...this.#beside.cards(true));
    else if (this.#panel.floats) cards.push(...this.#beside.cards(false));
    const placed = cards.map(
      (card): Placed => ({ ...card, from: this.#located.get(card.id)?.from ?? this.#beside.rangeOf(card.id)?.from ?? 0 }),
    );
    if (this.#panel.floats && !suggested) placed.sort((one, other) => one.from - other.from);
    const count = (filter: Filter) => this.#threads.all.filter((thread) => this.#fits(thread, filter)).length;
    const counts = { open: count("open"), resolved: count("resolved"), mine: count("mine"), orphaned: count("orphaned"), suggested: this.#beside.count };
    const active = this.#threads.get(this.#activeId ?? "");
    const activeId = (active && this.#home(active)) ?? this.#activeId ?? this.#beside.activeId;
    const emptyWord = suggested ? this.#beside.emptyWord : `comments.empty.${this.#panel.filter}`;
    const isSuggested = (key: string | null) => key !== null && this.#beside.rangeOf(key) !== null;
    const discussed = this.#threads.all.filter((thread) => this.#fits(thread, "open") && isSuggested(suggestionKey(thread))).length;
    this.#panel.show(placed, { activeId, counts, discussed, state: this.#threads.state, emptyWord });
  }

  /** #comment-<id> in the address opens that thread, by the id of any of its comments; #suggestions opens their list. */
  #followLink(): void {
    if (suggestionsPattern.test(window.location.hash) && !this.#linked) {
      this.#linked = true;
      this.#beside.follow(window.location.hash);
      this.#panel.filter = "suggested";
      this.#panel.open();
      this.#show();
      return;
    }
    const id = cardPattern.exec(window.location.hash)?.[1];
    if (id === undefined || this.#linked || this.#threads.state !== "ready") return;
    this.#linked = true;
    const thread = this.#threads.all.find((each) => each.id === id || each.comments.some((comment) => comment.id === id));
    if (!thread) {
      showToast(say("comments.gone"));
      return;
    }
    const hidden = !this.#located.has(thread.id);
    if (hidden || !this.#panel.floats) {
      const orphan = hidden && thread.suggestion === null;
      this.#panel.filter = orphan ? "orphaned" : thread.resolved_at === null ? "open" : "resolved";
      this.#panel.open();
    }
    this.activate(thread.id);
    this.#cards.get(thread.id)?.element.focus({ preventScroll: true });
  }
}

/** Shows the comments of the document beside its text, and lets people take part. */
export function installComments(parts: Parts): void {
  new Comments(parts);
}
