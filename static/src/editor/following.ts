import type { Awareness } from "y-protocols/awareness";
import { readUser } from "../live/presence";

/** Below the header that lies over the text. */
const topPixels = 72;
const tellEveryMilliseconds = 200;
const ownActions = ["wheel", "touchmove", "keydown", "pointerdown"];

/** The top of what somebody sees: a block, and how much of it is above, as a part of its height. */
interface View {
  readonly block: string;
  readonly part: number;
}

function readView(state: unknown): View | null {
  const { view } = (state ?? {}) as { view?: unknown };
  if (typeof view !== "object" || view === null) return null;
  const { block, part } = view as { block?: unknown; part?: unknown };
  if (typeof block !== "string" || typeof part !== "number" || !Number.isFinite(part)) return null;
  return { block, part: Math.min(Math.max(part, -4), 1) };
}

function viewHere(content: HTMLElement): View | null {
  for (const block of content.querySelectorAll<HTMLElement>(".prose-body > [data-id]")) {
    const { top, bottom, height } = block.getBoundingClientRect();
    if (bottom > topPixels && height > 0) return { block: block.dataset["id"] ?? "", part: (topPixels - top) / height };
  }
  return null;
}

function show(content: HTMLElement, view: View): void {
  const block = content.querySelector<HTMLElement>(`.prose-body > [data-id="${CSS.escape(view.block)}"]`);
  if (!block) return;
  const { top, height } = block.getBoundingClientRect();
  window.scrollBy({ top: top + view.part * height - topPixels, behavior: "instant" });
}

/**
 * Seeing what somebody else sees. Whoever is followed tells where they are; nobody tells it unasked. One's own
 * scrolling, typing and clicking end it.
 */
export class Following {
  /** The id of the person who is followed. */
  person: string | null = null;
  readonly #awareness: Awareness;
  readonly #content: HTMLElement;
  readonly #onChange: () => void;
  #telling = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(awareness: Awareness, content: HTMLElement, onChange: () => void) {
    this.#awareness = awareness;
    this.#content = content;
    this.#onChange = onChange;
    awareness.on("change", () => {
      this.#listen();
      this.#tellIfAsked();
    });
    window.addEventListener(
      "scroll",
      () => {
        if (this.#telling) this.#tellSoon();
      },
      { passive: true },
    );
    for (const kind of ownActions) {
      window.addEventListener(
        kind,
        (event) => {
          const onChip = event.target instanceof Element && event.target.closest("#presence") !== null;
          if (this.person !== null && !onChip) this.stop();
        },
        { passive: true, capture: true },
      );
    }
  }

  follow(person: string): void {
    this.person = person;
    this.#awareness.setLocalStateField("following", person);
    this.#listen();
    this.#onChange();
  }

  stop(): void {
    this.person = null;
    this.#awareness.setLocalStateField("following", null);
    this.#onChange();
  }

  #listen(): void {
    if (this.person === null) return;
    const states = [...this.#awareness.getStates().values()].filter((state) => readUser(state)?.id === this.person);
    if (states.length === 0) {
      this.stop();
      return;
    }
    const awake = states.filter((state) => (state as { idle?: unknown }).idle !== true);
    const view = [...awake, ...states].map(readView).find((each) => each !== null);
    if (view) show(this.#content, view);
  }

  #tellIfAsked(): void {
    const states = this.#awareness.getStates();
    const me = readUser(states.get(this.#awareness.clientID))?.id;
    const asked =
      me !== undefined && [...states.values()].some((state) => (state as { following?: unknown }).following === me);
    if (asked === this.#telling) return;
    this.#telling = asked;
    if (asked) this.#tellSoon();
    else this.#awareness.setLocalStateField("view", null);
  }

  #tellSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#telling) this.#awareness.setLocalStateField("view", viewHere(this.#content));
    }, tellEveryMilliseconds);
  }
}
