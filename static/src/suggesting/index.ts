import type { Editor } from "@tiptap/core";
import type { Beside, BesideHost, Range } from "../comments/beside";
import type { Shown } from "../comments/panel";
import type { Announcer } from "../editor/announcer";
import type { Page } from "../editor/page";
import { keyName } from "../editor/key-names";
import { say, sayCount } from "../editor/words";
import type { Session } from "../live/session";
import { showToast } from "../ui/toast";
import { SuggestionCard } from "./card";
import { decide, type Verdict } from "./decide";
import { Decided, type End, ends } from "./decided";
import { type Suggestion, suggestionsIn } from "./find";
import type { Modes } from "./modes";
import { People } from "./people";
import { Telling } from "./telling";

interface Parts {
  readonly page: Page;
  readonly session: Session;
  readonly editor: Editor;
  readonly announcer: Announcer;
  readonly modes: Modes;
}

function needed<Kind extends Element>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** Shows what is suggested in cards among the comments, and decides about it. */
export class Suggestions implements Beside {
  readonly #editor: Editor;
  readonly #session: Session;
  readonly #announcer: Announcer;
  readonly #modes: Modes;
  readonly #me: string;
  readonly #people: People;
  readonly #telling: Telling;
  readonly #decided: Decided;
  readonly #cards = new Map<string, SuggestionCard>();
  readonly #whose = needed("#suggestions-whose", HTMLSelectElement);
  readonly #state = needed("#suggestions-state", HTMLSelectElement);
  readonly #count = needed("#suggestions-count", HTMLElement);
  #host: BesideHost | null = null;
  #activeKey: string | null = null;
  #indexed: { readonly all: readonly Suggestion[]; readonly byKey: ReadonlyMap<string, Suggestion> } = { all: [], byKey: new Map() };

  constructor({ page, session, editor, announcer, modes }: Parts) {
    this.#editor = editor;
    this.#session = session;
    this.#announcer = announcer;
    this.#modes = modes;
    this.#me = page.me.id;
    this.#people = new People(session, page.api, page.me, () => this.#host?.refresh());
    this.#telling = new Telling(page.api, page.uploads.csrf);
    this.#decided = new Decided({
      api: page.api,
      onNews: () => this.#host?.refresh(),
      opening: (key) => {
        const thread = this.#host?.threadAbout(key);
        return thread
          ? () => {
              this.#host?.openThread(thread.id);
            }
          : null;
      },
    });
    const showDecided = () => {
      const end = this.#end;
      if (end !== null) this.#decided.show(end);
      this.#host?.refresh();
    };
    this.#state.addEventListener("change", showDecided);
    document.body.addEventListener("quillroom:suggestions", (event) => {
      const { change, document_id: id } = ((event as CustomEvent<unknown>).detail ?? {}) as Record<string, unknown>;
      if (this.#end !== null && (id === page.documentId || change === "resync")) showDecided();
    });
    for (const verdict of ["accept", "reject"] as const) {
      needed(`#suggestions-${verdict}`, HTMLButtonElement).addEventListener("click", () => {
        this.#decideAll(verdict);
      });
    }
    needed("#suggestions-next", HTMLButtonElement).addEventListener("click", () => {
      this.#step(1);
    });
    needed("#suggestions-previous", HTMLButtonElement).addEventListener("click", () => {
      this.#step(-1);
    });
    this.#whose.addEventListener("change", () => this.#host?.refresh());
    modes.watch(() => this.#host?.refresh());
    session.watch(() => {
      this.#showBar();
    });
    editor.view.dom.addEventListener("click", (event) => {
      const mark = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-suggestion]") : null;
      const key = mark?.dataset["suggestion"];
      // A comment on the same words has the click.
      const commented = event.target instanceof Element && event.target.closest("[data-thread]") !== null;
      if (key === undefined || commented || this.#modes.mode === "viewing") return;
      this.activate(key);
      // Whoever taps words of their own goes on writing them.
      if (this.#byKey.get(key)?.by !== this.#me) this.#host?.list();
    });
    editor.on("selectionUpdate", () => {
      this.#showBar();
      const { from, to } = editor.state.selection;
      const here = this.#all.find((each) =>
        each.parts.some((part) => !("into" in part) && part.from <= from && to <= part.to),
      );
      if ((here?.key ?? null) === this.#activeKey) return;
      this.#activeKey = here?.key ?? null;
      this.#host?.refresh();
    });
  }

  follow(hash: string): void {
    this.#state.value = ends.find((end) => hash === `#suggestions-${end}`) ?? "";
    if (this.#end !== null) this.#decided.show(this.#end);
  }

  join(host: BesideHost): void {
    this.#host = host;
    host.refresh();
  }

  get count(): number {
    return this.#modes.mode === "viewing" ? 0 : this.#all.length;
  }

  get activeId(): string | null {
    return this.#activeKey;
  }

  get emptyWord(): string {
    if (this.#end === null) return "comments.empty.suggested";
    return this.#decided.state === "ready" ? `suggest.none.${this.#end}` : `comments.${this.#decided.state}`;
  }

  rangeOf(id: string): Range | null {
    const found = this.#modes.mode === "viewing" ? undefined : this.#byKey.get(id);
    if (!found) return null;
    const part = found.parts.find((each) => !("into" in each)) ?? found.parts[0];
    const { from, to } = part ?? found;
    return { from, to, block: part !== undefined && "into" in part };
  }

  cards(listed: boolean): readonly Shown[] {
    this.#showBar();
    if (listed && this.#end !== null) return this.#decided.cards();
    const all = this.#modes.mode === "viewing" ? [] : this.#all;
    const keys = new Set(all.map(({ key }) => key));
    for (const key of [...this.#cards.keys()]) if (!keys.has(key)) this.#cards.delete(key);
    const shown = listed ? this.#chosen(all) : all;
    return shown.map((suggestion) => ({
      id: suggestion.key,
      show: () => {
        const card = this.#card(suggestion);
        card.show(suggestion, suggestion.key === this.#activeKey);
        return card.element;
      },
    }));
  }

  activate(key: string): void {
    const suggestion = this.#all.find((each) => each.key === key);
    if (!suggestion || this.#activeKey === key) return;
    this.#activeKey = key;
    // Its card may not stand in the page yet.
    this.#host?.refreshNow();
    const mark = this.#editor.view.dom.querySelector(`[data-suggestion="${CSS.escape(key)}"]`);
    this.#host?.reveal(mark, this.#cards.get(key)?.element ?? null);
  }

  /** Which of those that are decided are listed; null: those that are not. */
  get #end(): End | null {
    return ends.find((end) => end === this.#state.value) ?? null;
  }

  get #all(): readonly Suggestion[] {
    return this.#editor.isDestroyed ? [] : suggestionsIn(this.#editor.state.doc);
  }

  /** The same, by their keys: whoever lays them out asks for each. */
  get #byKey(): ReadonlyMap<string, Suggestion> {
    const all = this.#all;
    if (this.#indexed.all !== all) this.#indexed = { all, byKey: new Map(all.map((each) => [each.key, each])) };
    return this.#indexed.byKey;
  }

  #chosen(all: readonly Suggestion[]): readonly Suggestion[] {
    const whose = this.#whose.value;
    return whose === "" ? all : all.filter(({ by }) => by === whose);
  }

  #card(suggestion: Suggestion): SuggestionCard {
    const known = this.#cards.get(suggestion.key);
    if (known) return known;
    const card = new SuggestionCard(
      {
        find: (id) => this.#people.find(id),
        talk: ({ key }) => this.#host?.talk(key) ?? null,
        mayAccept: () => this.#session.rights === "read-write",
        mayReject: ({ by }) => this.#session.rights === "read-write" || (this.#session.rights === "suggest" && by === this.#me),
        accept: (its) => {
          this.#decide([its], "accept");
        },
        reject: (its) => {
          this.#decide([its], "reject");
        },
        discuss: (its) => {
          const range = this.rangeOf(its.key);
          if (range) this.#host?.discuss(its, range);
        },
        activate: (key) => {
          this.activate(key);
        },
        step: (direction) => {
          this.#step(direction);
        },
        leave: () => {
          this.#activeKey = null;
          this.#editor.view.focus();
          this.#host?.refresh();
        },
      },
      suggestion,
    );
    this.#cards.set(suggestion.key, card);
    return card;
  }

  #decide(suggestions: readonly Suggestion[], verdict: Verdict): void {
    const all = this.#all;
    const after = all[all.findIndex(({ key }) => key === suggestions[0]?.key) + 1] ?? all[0];
    const hadFocus = document.activeElement?.closest("[data-suggestion-card]") !== null;
    if (!decide(this.#editor, new Set(suggestions.map(({ key }) => key)), verdict)) return;
    this.#telling.tell(verdict, suggestions, this.#me);
    const done = sayCount(`suggest.${verdict}ed`, suggestions.length);
    this.#announcer.announce("suggestions", done);
    // Of one the card is seen to go; of many the way back should be told.
    if (suggestions.length > 1) showToast(`${done} ${say("suggest.undo", { keys: keyName("Mod+Z") })}`);
    this.#activeKey = null;
    this.#host?.refresh();
    // Whoever goes through them by the keyboard is led to the next.
    const next = after && this.#cards.get(after.key);
    if (hadFocus && next?.element.isConnected === true) next.element.focus({ preventScroll: true });
    else if (hadFocus) this.#editor.view.focus();
  }

  #decideAll(verdict: Verdict): void {
    const { from, to, empty } = this.#editor.state.selection;
    const chosen = this.#chosen(this.#all);
    const inSelection = empty ? chosen : chosen.filter((each) => each.from < to && from < each.to);
    const mine = this.#session.rights === "suggest" ? inSelection.filter(({ by }) => by === this.#me) : inSelection;
    this.#decide(mine, verdict);
  }

  #step(direction: 1 | -1): void {
    const all = this.#chosen(this.#all);
    if (all.length === 0) return;
    const at = all.findIndex(({ key }) => key === this.#activeKey);
    const next = all[at === -1 ? (direction === 1 ? 0 : all.length - 1) : (at + direction + all.length) % all.length];
    if (!next) return;
    this.activate(next.key);
    this.#cards.get(next.key)?.element.focus({ preventScroll: true });
  }

  /** The head of the list: how many there are, whose, and what can be done with all of them at once. */
  #showBar(): void {
    const all = this.#all;
    const authors = [...new Set(all.map(({ by }) => by))];
    const wanted = ["", ...authors];
    if ([...this.#whose.options].map(({ value }) => value).join() !== wanted.join() || this.#whose.dataset["named"] !== "true") {
      const { value } = this.#whose;
      const named = authors.map((id) => ({ id, name: this.#people.find(id)?.name }));
      this.#whose.replaceChildren(
        new Option(say("suggest.everyone"), ""),
        ...named.map(({ id, name }) => new Option(name ?? say("comments.somebody"), id)),
      );
      this.#whose.value = wanted.includes(value) ? value : "";
      this.#whose.dataset["named"] = String(named.every(({ name }) => name !== undefined));
    }
    const chosen = this.#chosen(all);
    const at = chosen.findIndex(({ key }) => key === this.#activeKey);
    this.#count.textContent = this.#end !== null ? "" :
      at === -1
        ? sayCount("suggest.count", chosen.length)
        : say("suggest.place", { place: at + 1, count: chosen.length });
    const { rights } = this.#session;
    this.#whose.hidden = this.#end !== null || authors.length < 2;
    for (const step of ["next", "previous"]) needed(`#suggestions-${step}`, HTMLButtonElement).hidden = chosen.length === 0 || this.#end !== null;
    const reject = needed("#suggestions-reject", HTMLButtonElement);
    const own = chosen.some(({ by }) => by === this.#me);
    needed("#suggestions-accept", HTMLButtonElement).hidden = rights !== "read-write" || chosen.length === 0 || this.#end !== null;
    reject.hidden = chosen.length === 0 || this.#end !== null || rights === "readonly" || (rights === "suggest" && !own);
    const some = this.#editor.isDestroyed || this.#editor.state.selection.empty ? "All" : "Selected";
    needed("#suggestions-accept", HTMLButtonElement).textContent = say(`suggest.accept${some}`);
    reject.textContent = say(rights === "suggest" ? "suggest.withdrawAll" : `suggest.reject${some}`);
  }
}
