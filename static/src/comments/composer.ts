import { buildElement } from "../editor/build-element";
import { keyName } from "../editor/key-names";
import { say } from "../editor/words";
import type { CommentsApi } from "./api";
import type { Draft, Drafts } from "./drafts";
import { face } from "./faces";
import { encode } from "./mentions";
import type { Person } from "./model";

const typingMilliseconds = 120;
const mostCharacters = 4000;
const growsByItself = CSS.supports("field-sizing", "content");
let composers = 0;

export interface ComposerParts {
  readonly api: CommentsApi;
  readonly drafts: Drafts;
  /** Under which name the words are kept until they are sent. */
  readonly name: string;
  readonly label: string;
  readonly submit: string;
  readonly begin: Draft;
  /** Sends; throws Refusal, and then the words stay. */
  readonly onSend: (draft: Draft) => Promise<void>;
  /** Escape or Cancel. */
  readonly onLeave: () => void;
}

/** A field for a comment with suggestions behind an @. What is typed is kept until it is sent. */
export class Composer {
  readonly element: HTMLFormElement;
  readonly #parts: ComposerParts;
  readonly #field: HTMLTextAreaElement;
  readonly #problem = buildElement("p", { class: "field-error comment-problem", attributes: { role: "alert" } });
  readonly #list: HTMLUListElement;
  readonly #send: HTMLButtonElement;
  /** Becomes the comment's; what is sent again after a silence adds nothing. */
  #id: string;
  #people: Person[];
  #found: readonly Person[] = [];
  #chosen = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  #sending = false;

  constructor(parts: ComposerParts) {
    composers += 1;
    this.#parts = parts;
    this.#id = parts.begin.id;
    this.#people = [...parts.begin.people];
    const listId = `comment-people-${String(composers)}`;
    this.#list = buildElement("ul", {
      class: "comment-people",
      attributes: { id: listId, role: "listbox", "aria-label": say("comments.people") },
    });
    this.#list.hidden = true;
    this.#problem.hidden = true;
    this.#field = buildElement("textarea", {
      class: "input comment-field",
      attributes: {
        rows: "1",
        maxlength: String(mostCharacters),
        "aria-label": parts.label,
        placeholder: parts.label,
        "aria-autocomplete": "list",
        "aria-haspopup": "listbox",
        "aria-controls": listId,
      },
    });
    this.#field.value = parts.begin.text;
    this.#send = buildElement("button", {
      class: "button",
      text: parts.submit,
      attributes: { type: "submit", "data-kind": "primary", title: keyName("Mod+Enter") },
    });
    const leave = buildElement("button", {
      class: "button",
      text: say("comments.cancel"),
      attributes: { type: "button", "data-kind": "quiet", "data-comment-cancel": "" },
    });
    leave.addEventListener("click", () => {
      this.#discard();
    });
    this.element = buildElement("form", {
      class: "comment-composer",
      children: [
        this.#field,
        this.#list,
        this.#problem,
        buildElement("div", { class: "comment-buttons", children: [leave, this.#send] }),
      ],
    });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#field.addEventListener("input", () => {
      this.#keep();
      this.#suggest();
    });
    this.#field.addEventListener("keydown", (event) => {
      this.#onKey(event);
    });
    this.#field.addEventListener("blur", () => {
      // A press on a suggestion comes before the focus goes.
      setTimeout(() => {
        this.#close();
      }, 150);
    });
    this.#show();
  }

  get isSending(): boolean {
    return this.#sending;
  }

  get isEmpty(): boolean {
    return this.#field.value.trim() === "";
  }

  focus(): void {
    this.#field.focus({ preventScroll: true });
    this.#field.setSelectionRange(this.#field.value.length, this.#field.value.length);
  }

  clear(): void {
    this.#field.value = "";
    this.#people = [];
    this.#fail(null);
    this.#show();
  }

  #draft(): Draft {
    return { ...this.#parts.begin, id: this.#id, text: this.#field.value, people: this.#people };
  }

  #keep(): void {
    this.#parts.drafts.write(this.#parts.name, this.#draft());
    this.#show();
  }

  #show(): void {
    this.element.dataset["empty"] = String(this.isEmpty);
    this.#send.disabled = this.#sending || this.isEmpty;
    if (growsByItself) return;
    this.#field.style.height = "auto";
    this.#field.style.height = `${String(this.#field.scrollHeight + 2)}px`;
  }

  #discard(): void {
    this.#parts.drafts.drop(this.#parts.name, this.#id);
    this.clear();
    this.#parts.onLeave();
  }

  #fail(sentence: string | null): void {
    this.#problem.hidden = sentence === null;
    this.#problem.textContent = sentence ?? "";
  }

  async #submit(): Promise<void> {
    if (this.isEmpty || this.#sending) return;
    this.#sending = true;
    this.#field.readOnly = true;
    this.#fail(null);
    this.#show();
    const sent = this.#draft();
    try {
      await this.#parts.onSend({ ...sent, text: encode(sent.text, sent.people) });
      this.#parts.drafts.drop(this.#parts.name, sent.id);
      // What is written next is another comment.
      this.#id = crypto.randomUUID();
      this.clear();
    } catch (refusal) {
      this.#fail(refusal instanceof Error ? refusal.message : say("comments.failed"));
    } finally {
      this.#sending = false;
      this.#field.readOnly = false;
      this.#show();
    }
  }

  #onKey(event: KeyboardEvent): void {
    // The keys that choose among letters of an input method.
    if (event.isComposing) return;
    if (!this.#list.hidden && this.#onListKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.#submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      // What was typed is kept; Cancel throws it away.
      this.#parts.onLeave();
    }
  }

  #onListKey(event: KeyboardEvent): boolean {
    const count = this.#found.length;
    if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % count);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen + count - 1) % count);
    else if (event.key === "Escape") this.#close();
    else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") this.#insert(this.#chosen);
    else return false;
    return true;
  }

  /** The word behind the last @ before the caret, if one is being typed. */
  #query(): { readonly from: number; readonly words: string } | null {
    const before = this.#field.value.slice(0, this.#field.selectionStart);
    const found = /(?:^|[\s(])@([^\s@]*(?: [^\s@]*)?)$/u.exec(before);
    if (found?.[1] === undefined) return null;
    return { from: before.length - found[1].length - 1, words: found[1] };
  }

  #suggest(): void {
    clearTimeout(this.#timer);
    const query = this.#query();
    if (query === null) {
      this.#close();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#asked += 1;
      const asked = this.#asked;
      this.#parts.api.people(query.words).then(
        (found) => {
          if (asked === this.#asked && this.#query() !== null) this.#open(found);
        },
        () => {
          this.#close();
        },
      );
    }, typingMilliseconds);
  }

  #open(found: readonly Person[]): void {
    this.#found = found;
    this.#list.replaceChildren(
      ...found.map((person, index) => {
        const item = buildElement("li", {
          class: "comment-person",
          attributes: { role: "option", id: `${this.#list.id}-${String(index)}` },
          children: [face(person), buildElement("span", { text: person.name })],
        });
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          this.#insert(index);
        });
        return item;
      }),
    );
    this.#list.hidden = found.length === 0;
    if (found.length > 0) this.#choose(0);
  }

  #choose(index: number): void {
    this.#chosen = index;
    for (const [place, item] of [...this.#list.children].entries()) {
      item.setAttribute("aria-selected", String(place === index));
    }
    this.#field.setAttribute("aria-activedescendant", `${this.#list.id}-${String(index)}`);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#list.hidden = true;
    this.#field.removeAttribute("aria-activedescendant");
  }

  #insert(index: number): void {
    const person = this.#found[index];
    const query = this.#query();
    if (person === undefined || query === null) return;
    this.#field.setRangeText(`@${person.name} `, query.from, this.#field.selectionStart, "end");
    if (!this.#people.some(({ id }) => id === person.id)) this.#people.push(person);
    this.#close();
    this.#keep();
  }
}
