import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { beside, listed, type Portion, portionSize } from "./portion";
import { type Standing, stack } from "./stacking";

const gap = 12;
const headerHeight = 64;

export type Filter = "open" | "suggested" | "resolved" | "mine" | "orphaned";
export type Order = "place" | "time";
const filters: readonly Filter[] = ["open", "suggested", "resolved", "mine", "orphaned"];

/** A card; `id` is the thread's, or "new". */
export interface Shown {
  readonly id: string;
  /** Brings the card up to date, or makes it. It is asked only of cards that are to be seen. */
  readonly show: () => HTMLElement;
}

/** A card, and where in the text it belongs. */
export interface Placed extends Shown {
  readonly from: number;
}

/** A card that stands in the page. */
interface Standee {
  readonly id: string;
  readonly element: HTMLElement;
}

interface Handlers {
  /** Where cards are has changed, or which ones are wanted. */
  readonly onChange: () => void;
  readonly onRetry: () => void;
  readonly onClose: () => void;
  /** How far below the rail's upper edge the text of a card begins; null if it has none. */
  readonly topOf: (id: string) => number | null;
  /** What part of the text is in the window. */
  readonly inWindow: () => { readonly from: number; readonly to: number };
}

function needed<Kind extends Element>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** Puts elements into a container in order and moves only those that are elsewhere: what has the focus keeps it. */
function arrange(container: HTMLElement, elements: readonly HTMLElement[]): void {
  const wanted = new Set<Element>(elements);
  for (const child of [...container.children]) if (!wanted.has(child)) child.remove();
  for (const [index, element] of elements.entries()) {
    const there = container.children[index] ?? null;
    if (there !== element) container.insertBefore(element, there);
  }
}

/** The two places where cards are: the rail, level with their text, and the drawer, a list with filters. */
export class Panel {
  readonly rail = needed("#comments-rail", HTMLElement);
  readonly #drawer = needed("#comments-drawer", HTMLElement);
  readonly #list = needed("#comments-list", HTMLElement);
  readonly #empty = needed("#comments-empty", HTMLElement);
  readonly #retry = needed("#comments-retry", HTMLButtonElement);
  readonly #bar = needed("#suggestions-bar", HTMLElement);
  readonly #order = needed(".comments-order", HTMLElement);
  readonly #toggle = needed("#comments-toggle", HTMLButtonElement);
  readonly #count = needed("#comments-toggle [data-count]", HTMLElement);
  readonly #roomy = window.matchMedia("(min-width: 70rem)");
  readonly #resizing: ResizeObserver;
  readonly #topOf: Handlers["topOf"];
  readonly #inWindow: Handlers["inWindow"];
  readonly #earlier = buildElement("button", {
    class: "button comments-more",
    text: say("comments.earlier"),
    attributes: { type: "button" },
  });
  readonly #later = buildElement("button", {
    class: "button comments-more",
    text: say("comments.later"),
    attributes: { type: "button" },
  });
  /** All cards there are to show, in order; those of the portion stand in the page. */
  #cards: readonly Placed[] = [];
  #portion: Portion = { start: 0, end: 0 };
  #listing = "";
  #shown: readonly Standee[] = [];
  #activeId: string | null = null;
  #frame = 0;
  /** How many are open and suggested, and not the same one. */
  #waiting = { open: 0, suggested: 0 };
  filter: Filter = "open";
  order: Order = "place";
  isOpen = false;

  constructor({ onChange, onRetry, onClose, topOf, inWindow }: Handlers) {
    this.#topOf = topOf;
    this.#inWindow = inWindow;
    this.#resizing = new ResizeObserver(() => {
      this.layOut();
    });
    this.#resizing.observe(needed("#document-content", HTMLElement));
    this.#roomy.addEventListener("change", onChange);
    this.#toggle.addEventListener("click", () => {
      if (this.isOpen) this.close();
      else {
        // The number on the button is of both: it opens the list that has something.
        const { open, suggested } = this.#waiting;
        if (this.filter === "open" && open === 0 && suggested > 0) this.filter = "suggested";
        else if (this.filter === "suggested" && suggested === 0 && open > 0) this.filter = "open";
        this.open();
      }
      onChange();
      if (this.isOpen) this.#drawer.focus({ preventScroll: true });
    });
    needed("#comments-close", HTMLButtonElement).addEventListener("click", () => {
      this.close();
      onChange();
      this.#toggle.focus();
    });
    this.#drawer.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
      onChange();
      onClose();
    });
    for (const button of this.#drawer.querySelectorAll<HTMLButtonElement>("[data-filter]")) {
      button.addEventListener("click", () => {
        this.filter = filters.find((each) => each === button.dataset["filter"]) ?? "open";
        onChange();
      });
    }
    const order = needed("#comments-order", HTMLSelectElement);
    order.addEventListener("change", () => {
      this.order = order.value === "time" ? "time" : "place";
      onChange();
    });
    this.#retry.addEventListener("click", onRetry);
    this.#earlier.addEventListener("click", () => {
      const { start, end } = this.#portion;
      this.#portion = { start: Math.max(0, start - portionSize), end };
      this.#stand();
    });
    const goOn = () => {
      const { start, end } = this.#portion;
      this.#portion = { start, end: Math.min(this.#cards.length, end + portionSize) };
      this.#stand();
    };
    this.#later.addEventListener("click", goOn);
    // Whoever scrolls to the end of the list goes on reading.
    new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) goOn();
    }).observe(this.#later);
    let scrolling = 0;
    window.addEventListener(
      "scroll",
      () => {
        if (!this.floats || this.#cards.length <= portionSize || scrolling !== 0) return;
        scrolling = requestAnimationFrame(() => {
          scrolling = 0;
          if (!this.floats) return;
          const { start, end } = this.#choose();
          if (start !== this.#portion.start || end !== this.#portion.end) this.#stand();
        });
      },
      { passive: true },
    );
    this.#toggle.hidden = false;
  }

  /** Are cards level with their text now? */
  get floats(): boolean {
    return this.#roomy.matches && !this.isOpen;
  }

  open(): void {
    this.isOpen = true;
    this.#drawer.hidden = false;
    this.#toggle.setAttribute("aria-expanded", "true");
    document.body.dataset["comments"] = "drawer";
  }

  close(): void {
    this.isOpen = false;
    this.#drawer.hidden = true;
    this.#toggle.setAttribute("aria-expanded", "false");
  }

  /** Shows these cards; `counts` are what each filter would show, `discussed` what is open and suggested in one. */
  show(
    cards: readonly Placed[],
    { activeId, counts, discussed, state, emptyWord }: {
      readonly activeId: string | null;
      /** What an empty list says once it is known to be one. */
      readonly emptyWord: string;
      readonly counts: Readonly<Record<Filter, number>>;
      readonly discussed: number;
      readonly state: "loading" | "ready" | "failed";
    },
  ): void {
    const listing = this.isOpen ? `${this.filter} ${this.order}` : "";
    // Another list begins at its beginning.
    if (listing !== this.#listing) this.#portion = { start: 0, end: 0 };
    this.#listing = listing;
    this.#cards = cards;
    this.#activeId = activeId;
    this.rail.hidden = !this.floats || cards.length === 0;
    document.body.dataset["comments"] = this.isOpen ? "drawer" : this.rail.hidden ? "none" : "rail";
    for (const button of this.#drawer.querySelectorAll<HTMLButtonElement>("[data-filter]")) {
      const name = filters.find((each) => each === button.dataset["filter"]);
      if (!name) continue;
      button.setAttribute("aria-pressed", String(name === this.filter));
      const count = button.querySelector("[data-count]");
      if (count) count.textContent = counts[name] === 0 ? "" : String(counts[name]);
    }
    this.#waiting = { open: counts.open - discussed, suggested: counts.suggested };
    const waiting = this.#waiting.open + this.#waiting.suggested;
    this.#count.textContent = waiting === 0 ? "" : String(waiting);
    const label = waiting === 0 ? say("comments.title") : say("comments.toggle", { count: waiting });
    this.#toggle.title = label;
    this.#toggle.setAttribute("aria-label", label);
    this.#empty.hidden = cards.length > 0;
    this.#empty.textContent = state === "ready" || this.filter === "suggested" ? say(emptyWord) : say(`comments.${state}`);
    this.#retry.hidden = state !== "failed" || this.filter === "suggested";
    this.#bar.hidden = this.filter !== "suggested";
    this.#order.hidden = this.filter === "suggested";
    this.#stand();
  }

  /** Which of the cards are to stand in the page now. */
  #choose(): Portion {
    const cards = this.#cards;
    if (this.isOpen) return listed(cards.length, cards.findIndex(({ id }) => id === this.#activeId), this.#portion);
    if (!this.floats) return { start: 0, end: 0 };
    if (cards.length <= portionSize) return { start: 0, end: cards.length };
    const { from, to } = this.#inWindow();
    const start = cards.findIndex((card) => card.from >= from);
    const end = cards.findIndex((card) => card.from > to);
    const visible = { start: start === -1 ? cards.length : start, end: end === -1 ? cards.length : end };
    return beside(cards.length, visible, this.#portion);
  }

  /** Puts the cards of the portion into the page, and in the rail those in use wherever they belong. */
  #stand(): void {
    const { start, end } = (this.#portion = this.#choose());
    const focused = this.#shown.find(({ element }) => element.contains(document.activeElement))?.id;
    const inUse = (id: string) => this.floats && (id === this.#activeId || id === "new" || id === focused);
    this.#shown = this.#cards
      .filter(({ id }, index) => (start <= index && index < end) || inUse(id))
      .map(({ id, show }) => ({ id, element: show() }));
    const elements = this.#shown.map(({ element }) => element);
    arrange(this.isOpen ? this.rail : this.#list, []);
    if (!this.isOpen) arrange(this.rail, elements);
    else {
      const above = start > 0 ? [this.#earlier] : [];
      arrange(this.#list, [...above, ...elements, ...(end < this.#cards.length ? [this.#later] : [])]);
    }
    this.#resizing.disconnect();
    this.#resizing.observe(needed("#document-content", HTMLElement));
    if (this.floats) for (const element of elements) this.#resizing.observe(element);
    this.layOut();
  }

  /** Puts the cards level with their text, with the next frame. */
  layOut(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.floats) {
        for (const { element } of this.#shown) element.style.top = "";
        return;
      }
      // All is measured before anything is moved, or the page would be laid out anew for each card.
      const standing = this.#shown.map(
        ({ id, element }): Standing => ({ id, top: this.#topOf(id) ?? 0, height: element.offsetHeight }),
      );
      const tops = stack(standing, this.#activeId, gap);
      for (const { id, element } of this.#shown) {
        const top = `${String(Math.round(tops.get(id) ?? 0))}px`;
        if (element.style.top !== top) element.style.top = top;
      }
    });
  }

  /** Brings a card into view, in the drawer. In the rail the text decides. */
  reveal(element: HTMLElement): void {
    if (this.isOpen) element.scrollIntoView({ block: "nearest" });
  }
}

/** Brings a place of the text into the middle of the window if it cannot be seen. */
export function bringIntoView(element: Element, keptBelow: number): void {
  const { top, bottom } = element.getBoundingClientRect();
  if (top >= headerHeight && bottom <= window.innerHeight - keptBelow) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const middle = (window.innerHeight - keptBelow) / 2;
  window.scrollBy({ top: (top + bottom) / 2 - middle, behavior: calm ? "auto" : "smooth" });
}
