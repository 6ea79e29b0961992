import { face, nameOf } from "../comments/faces";
import type { Talk } from "../comments/beside";
import type { Person } from "../comments/model";
import { buildElement, iconButton } from "../editor/build-element";
import { say, sayCount } from "../editor/words";
import { clockWords } from "../ui/times";
import type { Suggestion } from "./find";
import { sentencesOf } from "./sentences";

/** What a card asks of the page around it. */
export interface CardHost {
  readonly find: (id: string) => Person | null;
  /** What is said about it, which its card holds. */
  readonly talk: (suggestion: Suggestion) => Talk | null;
  readonly mayAccept: () => boolean;
  readonly mayReject: (suggestion: Suggestion) => boolean;
  readonly accept: (suggestion: Suggestion) => void;
  readonly reject: (suggestion: Suggestion) => void;
  readonly discuss: (suggestion: Suggestion) => void;
  readonly activate: (key: string) => void;
  readonly step: (direction: 1 | -1) => void;
  readonly leave: () => void;
}

/** One suggestion: who, when, what it would do, and the answers to it. */
export class SuggestionCard {
  readonly element: HTMLElement;
  readonly #host: CardHost;
  readonly #about = buildElement("div", { class: "suggestion-about" });
  readonly #talk = buildElement("div", { class: "suggestion-talk" });
  #suggestion: Suggestion;
  #written = "";

  constructor(host: CardHost, suggestion: Suggestion) {
    this.#host = host;
    this.#suggestion = suggestion;
    this.element = buildElement("article", {
      class: "thread suggestion",
      attributes: { tabindex: "0", "data-suggestion-card": suggestion.key },
      children: [this.#about, this.#talk],
    });
    this.element.addEventListener("click", () => {
      host.activate(this.#suggestion.key);
    });
    this.element.addEventListener("keydown", (event) => {
      this.#onKey(event);
    });
  }

  show(suggestion: Suggestion, active: boolean): void {
    this.#suggestion = suggestion;
    const talk = this.#host.talk(suggestion);
    this.element.dataset["active"] = String(active || talk?.active === true);
    // Moved only if it is another one: words may be in it that are being typed.
    if (talk?.element !== (this.#talk.firstElementChild ?? undefined)) this.#talk.replaceChildren(...(talk ? [talk.element] : []));
    this.#talk.hidden = talk === null;
    const author = this.#host.find(suggestion.by);
    const sentences = sentencesOf(suggestion);
    const may = [this.#host.mayAccept(), this.#host.mayReject(suggestion)];
    const moment = new Date(suggestion.at);
    const when = clockWords(moment);
    const written = JSON.stringify([author, sentences, may, when, talk?.count]);
    if (written === this.#written) return;
    this.#written = written;
    this.element.setAttribute("aria-label", say("suggest.card", { name: nameOf(author), what: sentences.join(". ") }));
    const action = this.element.querySelector<HTMLElement>("[data-suggestion-action]:focus")?.dataset["suggestionAction"];
    this.#about.replaceChildren(
      buildElement("div", {
        class: "comment-head",
        children: [
          face(author),
          buildElement("span", {
            class: "comment-about",
            children: [
              buildElement("strong", { text: nameOf(author) }),
              buildElement("time", { text: when, attributes: { datetime: moment.toISOString(), "data-time": "" } }),
            ],
          }),
          this.#tools(suggestion, talk?.count ?? 0),
        ],
      }),
      buildElement("ul", {
        class: "suggestion-sentences",
        children: sentences.map((text) => buildElement("li", { text })),
      }),
    );
    if (action !== undefined) this.element.querySelector<HTMLElement>(`[data-suggestion-action="${action}"]`)?.focus();
  }

  #tools(suggestion: Suggestion, comments: number): HTMLElement {
    const tool = (name: "accept" | "reject" | "discuss", icon: string, label: string, onPress: () => void) => {
      const button = iconButton({
        label,
        icon,
        onPress: () => {
          onPress();
        },
      });
      button.dataset["suggestionAction"] = name;
      return button;
    };
    const tools: HTMLElement[] = [];
    if (this.#host.mayAccept()) {
      tools.push(
        tool("accept", "check", say("suggest.accept"), () => {
          this.#host.accept(suggestion);
        }),
      );
    }
    if (this.#host.mayReject(suggestion)) {
      const label = say(this.#host.mayAccept() ? "suggest.reject" : "suggest.withdraw");
      tools.push(
        tool("reject", "suggest-reject", label, () => {
          this.#host.reject(suggestion);
        }),
      );
    }
    const label = comments > 0 ? sayCount("suggest.discussed", comments) : say("suggest.discuss");
    const discuss = tool("discuss", "comment", label, () => {
      this.#host.discuss(suggestion);
    });
    if (comments > 0) discuss.append(buildElement("span", { text: String(comments), attributes: { "aria-hidden": "true" } }));
    tools.push(discuss);
    return buildElement("div", { class: "suggestion-tools", children: tools });
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      // In the thread that it holds this leads out of a field first.
      if (event.defaultPrevented && event.target !== this.element) return;
      event.preventDefault();
      if (event.target === this.element) this.#host.leave();
      else this.element.focus({ preventScroll: true });
      return;
    }
    if (event.target !== this.element) return;
    if (event.key === "n" || event.key === "p") {
      event.preventDefault();
      this.#host.step(event.key === "n" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#host.activate(this.#suggestion.key);
      this.element.querySelector("button")?.focus();
    }
  }
}
