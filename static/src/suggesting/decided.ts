import { face, nameOf } from "../comments/faces";
import type { Person } from "../comments/model";
import type { Shown } from "../comments/panel";
import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { clockWords } from "../ui/times";

export const ends = ["accepted", "rejected", "withdrawn"] as const;
export type End = (typeof ends)[number];

/** A suggestion that was decided, as the server has it on record. */
interface Recorded {
  readonly id: string;
  readonly author: Person | null;
  readonly state: End;
  readonly sentences: readonly string[];
  readonly decided_at: string;
  readonly decided_by: Person | null;
}

interface Answer {
  readonly suggestions: readonly Recorded[];
  readonly next_cursor: string | null;
}

interface Parts {
  /** Where the calls about the document begin. */
  readonly api: string;
  readonly onNews: () => void;
  /** Opens what was said about it; null if nothing was. */
  readonly opening: (key: string) => (() => void) | null;
}

/** The list of what was accepted, rejected or withdrawn, the newest first; more of it when asked. */
export class Decided {
  readonly #parts: Parts;
  readonly #more = buildElement("button", { class: "button", text: say("suggest.more"), attributes: { type: "button" } });
  /** Made once, so that the focus stays while others write. */
  readonly #cards = new Map<string, { readonly written: string; readonly element: HTMLElement }>();
  #found: readonly Recorded[] = [];
  #cursor: string | null = null;
  #load = 0;
  state: "loading" | "ready" | "failed" = "loading";

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#more.addEventListener("click", () => void this.#ask(this.#end, this.#cursor));
  }

  #end: End = "accepted";

  /** Reads the list from its beginning. */
  show(end: End): void {
    if (end !== this.#end) this.#found = [];
    this.#end = end;
    void this.#ask(end, null);
  }

  get count(): number {
    return this.#found.length;
  }

  cards(): readonly Shown[] {
    const cards = this.#found.map((each) => {
      const id = `${each.state} ${keyOf(each)}`;
      const written = JSON.stringify([each, this.#parts.opening(keyOf(each)) !== null]);
      const known = this.#cards.get(id);
      const element = known?.written === written ? known.element : this.#card(each);
      this.#cards.set(id, { written, element });
      return { id, show: () => element };
    });
    return this.#cursor === null ? cards : [...cards, { id: "more", show: () => this.#more }];
  }

  async #ask(end: End, cursor: string | null): Promise<void> {
    this.#load += 1;
    const load = this.#load;
    const query = new URLSearchParams({ state: end, limit: "50", ...(cursor === null ? {} : { cursor }) });
    try {
      const answer = await fetch(`${this.#parts.api}/suggestions?${query.toString()}`);
      if (!answer.ok) throw new TypeError("The server did not answer with a list.");
      const page = (await answer.json()) as Answer;
      if (load !== this.#load) return;
      this.#found = cursor === null ? page.suggestions : [...this.#found, ...page.suggestions];
      this.#cursor = page.next_cursor;
      this.state = "ready";
    } catch (problem) {
      if (!(problem instanceof TypeError)) throw problem;
      if (load !== this.#load) return;
      this.state = "failed";
    }
    this.#parts.onNews();
  }

  #card(each: Recorded): HTMLElement {
    const by = each.decided_by;
    const end = by ? say(`suggest.${each.state}By`, { name: by.name }) : say(`suggest.${each.state}`);
    const when = buildElement("time", {
      text: clockWords(new Date(each.decided_at)),
      attributes: { datetime: each.decided_at, "data-time": "" },
    });
    const open = this.#parts.opening(keyOf(each));
    const button = buildElement("button", {
      class: "text-button",
      text: say("suggest.discussed.one"),
      attributes: { type: "button" },
    });
    if (open) button.addEventListener("click", open);
    return buildElement("article", {
      class: "thread suggestion",
      attributes: { "data-decided": each.state, "aria-label": say("suggest.card", { name: nameOf(each.author), what: each.sentences.join(". ") }) },
      children: [
        buildElement("div", {
          class: "comment-head",
          children: [
            face(each.author),
            buildElement("span", { class: "comment-about", children: [buildElement("strong", { text: nameOf(each.author) })] }),
          ],
        }),
        buildElement("ul", {
          class: "suggestion-sentences",
          children: each.sentences.map((text) => buildElement("li", { text })),
        }),
        buildElement("p", { class: "suggestion-end", children: [buildElement("span", { text: end }), when] }),
        ...(open ? [button] : []),
      ],
    });
  }
}

function keyOf({ id, author }: Recorded): string {
  return `${author?.id ?? ""}/${id}`;
}
