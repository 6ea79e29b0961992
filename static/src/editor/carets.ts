import { Extension } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";
import { yCursorPlugin } from "@tiptap/y-tiptap";
import type { Awareness } from "y-protocols/awareness";
import { readUser } from "../live/presence";
import { buildElement } from "./build-element";
import { isPlace } from "./presence-place";

/** The name is shown this long after a caret moved; then it folds into a dot. */
const nameMilliseconds = 2500;

interface Caret {
  readonly element: HTMLElement;
  readonly label: HTMLElement;
  position: string;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Keeps one caret element per other window, in the colour and with the name of its person. */
class Carets {
  readonly #carets = new Map<number, Caret>();
  readonly #awareness: Awareness;

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
  }

  element(client: number): HTMLElement {
    const known = this.#carets.get(client);
    // A caret that is still in the page belongs to the old drawing of it, which the editor is about to remove.
    if (known && !known.element.isConnected) return known.element;
    const label = buildElement("span", { class: "caret-name" });
    const element = buildElement("span", {
      class: "caret",
      attributes: { "data-client": String(client), "aria-hidden": "true", contenteditable: "false" },
      // Word joiners keep the caret from opening a place for a line break inside a word.
      children: ["\u2060", label, "\u2060"],
    });
    this.#carets.set(client, { element, label, position: known?.position ?? "", timer: undefined });
    this.#show(client);
    return element;
  }

  update(): void {
    const states = this.#awareness.getStates();
    for (const client of [...this.#carets.keys()]) {
      if (states.has(client)) this.#show(client);
      else this.#carets.delete(client);
    }
  }

  #show(client: number): void {
    const caret = this.#carets.get(client);
    if (!caret) return;
    const state: unknown = this.#awareness.getStates().get(client);
    const { idle, cursor } = (state ?? {}) as { idle?: unknown; cursor?: unknown };
    const user = readUser(state);
    caret.element.className = `caret presence-${String(user?.colour ?? 0)}`;
    caret.element.dataset["idle"] = String(idle === true);
    caret.label.textContent = user?.name ?? "";
    const position = JSON.stringify(cursor ?? null);
    if (position === caret.position && caret.timer === undefined && caret.element.dataset["named"] !== undefined) return;
    if (position !== caret.position || caret.element.dataset["named"] === undefined) {
      caret.position = position;
      caret.element.dataset["named"] = "true";
      clearTimeout(caret.timer);
      caret.timer = setTimeout(() => {
        caret.timer = undefined;
        caret.element.dataset["named"] = "false";
      }, nameMilliseconds);
    }
  }
}

/** Does a state say who it is, and where their caret is, in words that can be followed? */
function hasCaret(state: unknown, isKnown?: (name: unknown) => boolean): boolean {
  const { cursor } = (state ?? {}) as { cursor?: unknown };
  if (readUser(state) === null || typeof cursor !== "object" || cursor === null) return false;
  const { anchor, head } = cursor as { anchor?: unknown; head?: unknown };
  return isPlace(anchor, isKnown) && isPlace(head, isKnown);
}

/**
 * Carets and selections of the others. Colours are classes: the page's policy forbids style attributes. `isKnown`: as of
 * `isPlace`.
 */
export function remoteCarets(awareness: Awareness, isKnown?: (name: unknown) => boolean): Extension {
  return Extension.create({
    name: "remoteCarets",
    addProseMirrorPlugins() {
      const carets = new Carets(awareness);
      const update = () => {
        carets.update();
      };
      const plugin = yCursorPlugin(awareness, {
        // Another program may say anything; what is no place would stop the drawing of all carets.
        awarenessStateFilter: (me: number, client: number, state: unknown) => client !== me && hasCaret(state, isKnown),
        cursorBuilder: (_user: unknown, client: number) => carets.element(client),
        selectionBuilder: (_user: unknown, client: number) => {
          const user = readUser(awareness.getStates().get(client));
          return { class: `remote-selection presence-${String(user?.colour ?? 0)}` };
        },
      }) as Plugin;
      const follower = new Plugin({
        view: () => {
          awareness.on("change", update);
          return {
            destroy: () => {
              awareness.off("change", update);
            },
          };
        },
      });
      return [follower, plugin];
    },
  });
}
