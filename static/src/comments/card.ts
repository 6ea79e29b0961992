import { buildElement, icon, iconButton } from "../editor/build-element";
import { say, sayCount } from "../editor/words";
import { clockWords } from "../ui/times";
import type { CommentsApi } from "./api";
import { Composer } from "./composer";
import type { Drafts } from "./drafts";
import { face, nameOf } from "./faces";
import { decode } from "./mentions";
import {
  type Comment,
  mayAttach,
  type Person,
  type Reaction,
  type ReactionKind,
  reactionKinds,
  type Rights,
  type SuggestionAbout,
  type Thread,
} from "./model";

const signs: Readonly<Record<ReactionKind, string>> = {
  thumbs_up: "👍",
  heart: "❤️",
  celebrate: "🎉",
  laugh: "😄",
  eyes: "👀",
  done: "✅",
};

/** What cards ask of the page around them. */
export interface CardHost {
  readonly me: Person;
  readonly api: CommentsApi;
  readonly drafts: Drafts;
  readonly rights: () => Rights;
  readonly take: (thread: Thread) => void;
  readonly removed: (threadId: string) => Promise<void>;
  readonly activate: (threadId: string) => void;
  readonly leave: () => void;
  readonly step: (direction: 1 | -1) => void;
  readonly attach: (thread: Thread) => void;
  readonly copyLink: (threadId: string) => void;
  readonly resized: () => void;
}

export interface CardState {
  readonly active: boolean;
  readonly orphan: boolean;
}

interface Shown {
  readonly element: HTMLElement;
  readonly written: string;
}

/** One thread. It is made once and follows the thread, so that words being typed into it stay. */
export class Card {
  readonly element: HTMLElement;
  readonly #host: CardHost;
  readonly #head = buildElement("div", { class: "thread-head" });
  readonly #comments = buildElement("div", { class: "thread-comments" });
  readonly #more = buildElement("p", { class: "thread-more" });
  readonly #problem = buildElement("p", { class: "field-error comment-problem", attributes: { role: "alert" } });
  readonly #foot = buildElement("div", { class: "thread-foot" });
  readonly #shown = new Map<string, Shown>();
  readonly #editing = new Map<string, Composer>();
  #reply: Composer | null = null;
  #thread: Thread;
  #headWritten = "";

  constructor(host: CardHost, thread: Thread) {
    this.#host = host;
    this.#thread = thread;
    this.#problem.hidden = true;
    this.element = buildElement("article", {
      class: "thread",
      attributes: { tabindex: "0", "data-thread-card": thread.id },
      children: [this.#head, this.#comments, this.#more, this.#problem, this.#foot],
    });
    this.element.addEventListener("click", (event) => {
      if (!(event.target instanceof Element && event.target.closest("a"))) host.activate(thread.id);
    });
    this.element.addEventListener("keydown", (event) => {
      this.#onKey(event);
    });
  }

  get thread(): Thread {
    return this.#thread;
  }

  focusReply(): void {
    if (this.#reply) this.#reply.focus();
    else this.element.focus({ preventScroll: true });
  }

  show(thread: Thread, { active, orphan }: CardState): void {
    this.#thread = thread;
    const { element } = this;
    element.dataset["active"] = String(active);
    element.dataset["resolved"] = String(thread.resolved_at !== null);
    element.dataset["orphan"] = String(orphan);
    const first = thread.comments[0];
    element.setAttribute(
      "aria-label",
      say("comments.cardLabel", { name: nameOf(first?.author ?? null), quote: thread.place.quote.slice(0, 80) }),
    );
    this.#showHead(thread, orphan);
    this.#showComments(thread);
    const replies = thread.comments.length - 1;
    this.#more.hidden = active || replies < 1;
    this.#more.textContent = replies < 1 ? "" : sayCount("comments.replies", replies);
    this.#showFoot(thread);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      if (event.target === this.element) this.#host.leave();
      else this.element.focus({ preventScroll: true });
      return;
    }
    if (event.target !== this.element) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.#host.activate(this.#thread.id);
      this.focusReply();
    } else if (event.key === "n" || event.key === "p") {
      event.preventDefault();
      this.#host.step(event.key === "n" ? 1 : -1);
    }
  }

  /** Does something on the server, and says in the card if that failed. */
  async #act(act: () => Promise<Thread>): Promise<void> {
    this.#problem.hidden = true;
    try {
      this.#host.take(await act());
    } catch (refusal) {
      this.#problem.textContent = refusal instanceof Error ? refusal.message : say("comments.failed");
      this.#problem.hidden = false;
      this.#host.resized();
    }
  }

  #showHead(thread: Thread, orphan: boolean): void {
    const rights = this.#host.rights();
    const { suggestion } = thread;
    const written = JSON.stringify([thread.place, suggestion, thread.resolved_at, thread.resolved_by, orphan, rights]);
    if (written === this.#headWritten) return;
    this.#headWritten = written;
    const { place } = thread;
    const kind = place.kind === "text" ? null : say(place.kind === "image" ? "comments.onImage" : "comments.onBlock");
    const quote = buildElement("p", {
      class: "thread-quote",
      text: place.quote === "" ? (kind ?? say("comments.onDocument")) : place.quote,
    });
    const resolved = thread.resolved_at !== null;
    const first = thread.comments.find(({ deleted }) => !deleted);
    const tools = buildElement("div", { class: "thread-tools" });
    const mine = thread.created_by === this.#host.me.id || thread.resolved_by?.id === this.#host.me.id;
    if (first && rights.may_comment && (mine || rights.may_resolve_any)) {
      const button = iconButton({
        label: say(resolved ? "comments.reopen" : "comments.resolve"),
        icon: resolved ? "comment-reopen" : "check",
        onPress: () => void this.#act(() => this.#host.api.resolve(first.id, !resolved)),
      });
      button.dataset["commentAction"] = resolved ? "reopen" : "resolve";
      tools.append(button);
    }
    tools.append(
      iconButton({
        label: say("comments.copyLink"),
        icon: "link",
        onPress: () => {
          this.#host.copyLink(thread.id);
        },
      }),
    );
    const notes: HTMLElement[] = [];
    if (resolved) {
      const isEnd = suggestion !== null && suggestion.state !== "pending";
      const words = isEnd ? endOf(suggestion) : say("comments.resolvedBy", { name: nameOf(thread.resolved_by) });
      notes.push(buildElement("p", { class: "thread-note", children: [icon("check"), words] }));
    }
    if (suggestion) {
      const name = nameOf(suggestion.author);
      const sentences = suggestion.sentences.map((text) => buildElement("li", { text }));
      quote.replaceChildren(say("suggest.by", { name }));
      notes.unshift(buildElement("ul", { class: "suggestion-sentences", children: sentences }));
      // What it was about, where the sentence does not quote it.
      if (place.quote !== "" && !suggestion.sentences.some((text) => text.includes(place.quote.slice(0, 40)))) {
        notes.unshift(buildElement("p", { class: "thread-quote", text: place.quote }));
      }
    }
    if (orphan) {
      const note = buildElement("p", { class: "thread-note", text: say("comments.orphanNote") });
      notes.push(note);
      if (first && mayAttach(thread, { me: this.#host.me.id, rights })) {
        const attach = buildElement("button", {
          class: "text-button",
          text: say("comments.attach"),
          attributes: { type: "button", "data-comment-action": "attach" },
        });
        // The text keeps its selection, to which the thread is to go.
        attach.addEventListener("mousedown", (event) => {
          event.preventDefault();
        });
        attach.addEventListener("click", () => {
          this.#host.attach(thread);
        });
        note.append(" ", attach);
      }
    }
    this.#head.replaceChildren(quote, tools, ...notes);
  }

  #showComments(thread: Thread): void {
    const wanted = new Set(thread.comments.map(({ id }) => id));
    for (const [id, { element }] of this.#shown) {
      if (wanted.has(id)) continue;
      element.remove();
      this.#shown.delete(id);
      this.#editing.delete(id);
    }
    const rights = this.#host.rights();
    for (const [index, comment] of thread.comments.entries()) {
      const written = JSON.stringify([comment, rights]);
      let shown = this.#shown.get(comment.id);
      if (shown?.written !== written && !this.#editing.has(comment.id)) {
        const element = this.#build(comment);
        shown?.element.replaceWith(element);
        shown = { element, written };
        this.#shown.set(comment.id, shown);
      }
      const there = this.#comments.children[index];
      if (shown && there !== shown.element) this.#comments.insertBefore(shown.element, there ?? null);
    }
  }

  #build(comment: Comment): HTMLElement {
    const element = buildElement("div", { class: "comment", attributes: { "data-comment": comment.id } });
    if (comment.deleted) {
      element.append(buildElement("p", { class: "comment-gone", text: say("comments.deleted") }));
      return element;
    }
    const when = buildElement("time", {
      text: clockWords(new Date(comment.created_at)),
      attributes: { datetime: comment.created_at, "data-time": "" },
    });
    const about = buildElement("p", {
      class: "comment-about",
      children: [
        face(comment.author),
        buildElement("strong", { text: nameOf(comment.author) }),
        when,
      ],
    });
    const edited = buildElement("span", { class: "comment-edited", text: say("comments.edited") });
    element.append(
      buildElement("div", { class: "comment-head", children: [about, this.#tools(comment, element)] }),
      buildElement("p", {
        class: "comment-text",
        attributes: { dir: "auto" },
        children: [...words(comment), ...(comment.edited_at === null ? [] : [" ", edited])],
      }),
    );
    const reactions = this.#reactions(comment);
    if (reactions) element.append(reactions);
    return element;
  }

  #tools(comment: Comment, element: HTMLElement): HTMLElement {
    const rights = this.#host.rights();
    const tools = buildElement("div", { class: "comment-tools" });
    if (!rights.may_comment) return tools;
    const react = iconButton({
      label: say("comments.react"),
      icon: "comment-react",
      onPress: (button) => {
        const open = element.querySelector(".comment-picker");
        button.setAttribute("aria-expanded", String(open === null));
        if (open) open.remove();
        else element.append(this.#picker(comment));
        element.querySelector<HTMLElement>(".comment-picker button")?.focus({ preventScroll: true });
        this.#host.resized();
      },
    });
    react.setAttribute("aria-expanded", "false");
    tools.append(react);
    const mine = comment.author?.id === this.#host.me.id;
    if (mine) {
      tools.append(
        iconButton({
          label: say("comments.edit"),
          icon: "edit",
          onPress: () => {
            this.#edit(comment, element);
          },
        }),
      );
    }
    if (mine || rights.may_delete_any) {
      tools.append(
        iconButton({
          label: mine ? say("comments.delete") : say("comments.deleteTheirs", { name: nameOf(comment.author) }),
          icon: "trash",
          onPress: () => {
            this.#askToDelete(comment, element);
          },
        }),
      );
    }
    return tools;
  }

  #edit(comment: Comment, element: HTMLElement): void {
    if (this.#editing.has(comment.id)) return;
    const name = `edit-${comment.id}`;
    const done = () => {
      this.#editing.delete(comment.id);
      this.#shown.set(comment.id, { element, written: "" });
      this.show(this.#thread, this.#state());
      this.element.focus({ preventScroll: true });
      this.#host.resized();
    };
    const begin = this.#host.drafts.read(name) ?? {
      id: comment.id,
      text: decode(comment.text, comment.mentions),
      people: comment.mentions,
    };
    const composer = new Composer({
      api: this.#host.api,
      drafts: this.#host.drafts,
      name,
      label: say("comments.edit"),
      submit: say("comments.save"),
      begin,
      onSend: async ({ text }) => {
        const thread = await this.#host.api.change(comment.id, text);
        this.#editing.delete(comment.id);
        this.#host.take(thread);
        done();
      },
      onLeave: done,
    });
    this.#editing.set(comment.id, composer);
    element.replaceChildren(composer.element);
    composer.focus();
    this.#host.resized();
  }

  #askToDelete(comment: Comment, element: HTMLElement): void {
    if (element.querySelector(".comment-confirm")) return;
    const sure = buildElement("button", {
      class: "button",
      text: say("comments.delete"),
      attributes: { type: "button", "data-kind": "danger", "data-comment-action": "delete" },
    });
    const keep = buildElement("button", {
      class: "button",
      text: say("comments.keep"),
      attributes: { type: "button", "data-kind": "quiet" },
    });
    const mine = comment.author?.id === this.#host.me.id;
    const question = mine ? say("comments.sure") : say("comments.sureTheirs", { name: nameOf(comment.author) });
    const row = buildElement("div", {
      class: "comment-confirm",
      attributes: { role: "group", "aria-label": question },
      children: [buildElement("p", { text: question }), keep, sure],
    });
    keep.addEventListener("click", () => {
      row.remove();
      this.element.focus({ preventScroll: true });
      this.#host.resized();
    });
    sure.addEventListener("click", () => {
      sure.disabled = true;
      this.#host.api.remove(comment.id).then(
        async () => {
          await this.#host.removed(this.#thread.id);
          if (this.element.isConnected) this.element.focus({ preventScroll: true });
          else this.#host.leave();
        },
        (refusal: unknown) => {
          row.remove();
          void this.#act(() => Promise.reject(refusal instanceof Error ? refusal : new Error(say("comments.failed"))));
        },
      );
    });
    element.append(row);
    keep.focus({ preventScroll: true });
    this.#host.resized();
  }

  #toggle(comment: Comment, kind: ReactionKind): void {
    const own = comment.reactions.filter(({ people }) => people.some(({ id }) => id === this.#host.me.id));
    const kinds = new Set(own.map((reaction) => reaction.kind));
    if (!kinds.delete(kind)) kinds.add(kind);
    void this.#act(() => this.#host.api.react(comment.id, [...kinds]));
  }

  #picker(comment: Comment): HTMLElement {
    return buildElement("div", {
      class: "comment-picker",
      attributes: { role: "group", "aria-label": say("comments.react") },
      children: reactionKinds.map((kind) => this.#reactionButton(comment, kind, null)),
    });
  }

  #reactions(comment: Comment): HTMLElement | null {
    if (comment.reactions.length === 0) return null;
    return buildElement("div", {
      class: "comment-reactions",
      children: comment.reactions.map((reaction) => this.#reactionButton(comment, reaction.kind, reaction)),
    });
  }

  #reactionButton(comment: Comment, kind: ReactionKind, given: Reaction | null): HTMLButtonElement {
    const label = say(`reaction.${kind}`);
    const names = given?.people.map(({ name }) => name).join(", ");
    const button = buildElement("button", {
      class: "comment-reaction",
      attributes: {
        type: "button",
        "data-reaction": kind,
        "aria-label": names === undefined ? label : `${label}: ${names}`,
        title: names === undefined ? label : `${label}: ${names}`,
      },
      children: [
        buildElement("span", { text: signs[kind], attributes: { "aria-hidden": "true" } }),
        ...(given ? [buildElement("span", { text: String(given.people.length) })] : []),
      ],
    });
    const mine = comment.reactions.find((each) => each.kind === kind)?.people.some(({ id }) => id === this.#host.me.id);
    button.setAttribute("aria-pressed", String(mine === true));
    button.disabled = !this.#host.rights().may_comment;
    button.addEventListener("click", () => {
      this.#toggle(comment, kind);
    });
    return button;
  }

  #showFoot(thread: Thread): void {
    const may = this.#host.rights().may_comment;
    if (may === (this.#reply !== null)) return;
    this.#reply = may ? this.#replyComposer(thread.id) : null;
    this.#foot.replaceChildren(...(this.#reply ? [this.#reply.element] : []));
  }

  #replyComposer(threadId: string): Composer {
    const name = `reply-${threadId}`;
    return new Composer({
      api: this.#host.api,
      drafts: this.#host.drafts,
      name,
      label: say("comments.reply"),
      submit: say("comments.send"),
      begin: this.#host.drafts.read(name) ?? { id: crypto.randomUUID(), text: "", people: [] },
      onSend: async ({ id, text }) => {
        this.#host.take(await this.#host.api.reply(id, threadId, text));
      },
      onLeave: () => {
        this.element.focus({ preventScroll: true });
      },
    });
  }

  #state(): CardState {
    return { active: this.element.dataset["active"] === "true", orphan: this.element.dataset["orphan"] === "true" };
  }
}

/** What became of a suggestion, and by whom if that is known. */
function endOf({ state, decided_by: by }: SuggestionAbout): string {
  return by ? say(`suggest.${state}By`, { name: by.name }) : say(`suggest.${state}`);
}

/** The words of a comment with its people marked; one whose account is gone is "somebody". */
function words({ text, mentions }: Comment): (string | HTMLElement)[] {
  return text.split(/(<@[0-9a-f-]{36}>)/u).map((part) => {
    const id = /^<@([0-9a-f-]{36})>$/u.exec(part)?.[1];
    if (id === undefined) return part;
    const person = mentions.find((each) => each.id === id) ?? null;
    return buildElement("span", { class: "comment-mention", text: `@${nameOf(person)}` });
  });
}
