import type { Editor } from "@tiptap/core";
import { Extension } from "@tiptap/core";
import { ySyncPluginKey } from "@tiptap/y-tiptap";
import type { Announcer } from "../editor/announcer";
import { keyName } from "../editor/key-names";
import { say } from "../editor/words";
import type { Rights } from "../live/rights";
import type { Session } from "../live/session";
import { showToast } from "../ui/toast";
import { decision } from "./decide";
import { suggestedBreaks } from "./breaks";
import { type Author, track } from "./track";

const modes = ["editing", "suggesting", "viewing"] as const;
export type Mode = (typeof modes)[number];

const allowed: Readonly<Record<Rights, readonly Mode[]>> = {
  "read-write": modes,
  suggest: ["suggesting", "viewing"],
  readonly: ["viewing"],
};

interface ModeParts {
  readonly documentId: string;
  /** A person's id. */
  readonly me: string;
  readonly content: HTMLElement;
  readonly session: Session;
  readonly announcer: Announcer;
}

/** How the text is worked on here: changed, with suggestions only, or read as if nothing were suggested. */
export class Modes {
  /** In whose name things are suggested here. */
  readonly author: Author;
  readonly #parts: ModeParts;
  readonly #switch = document.querySelector<HTMLDetailsElement>("#mode-switch");
  readonly #listeners = new Set<() => void>();
  #chosen: Mode | null;
  #shown: string | null = null;

  constructor(parts: ModeParts) {
    this.#parts = parts;
    this.author = { by: parts.me, newId: () => crypto.randomUUID().slice(0, 13), now: () => Date.now() };
    this.#chosen = this.#read();
    for (const item of this.#items()) {
      item.addEventListener("click", () => {
        this.choose(modes.find((mode) => mode === item.dataset["mode"]) ?? "editing");
      });
    }
    parts.session.watch(() => {
      this.#show();
    });
    this.#show();
  }

  get possible(): readonly Mode[] {
    return allowed[this.#parts.session.rights];
  }

  get mode(): Mode {
    const { possible } = this;
    return possible.find((mode) => mode === this.#chosen) ?? possible[0] ?? "viewing";
  }

  /** Calls back after the mode has changed. */
  watch(listener: () => void): void {
    this.#listeners.add(listener);
  }

  choose(mode: Mode): void {
    this.#chosen = mode;
    try {
      localStorage.setItem(this.#key, mode);
    } catch {
      // A browser that keeps nothing forgets this, too.
    }
    this.#show();
    this.#parts.announcer.announce("mode", say(`mode.${this.mode}.now`));
  }

  /** The next of those that are possible. */
  cycle(): void {
    const { possible } = this;
    const next = possible[(possible.indexOf(this.mode) + 1) % possible.length];
    if (next !== undefined && possible.length > 1) this.choose(next);
  }

  get #key(): string {
    return `quillroom:mode:${this.#parts.documentId}`;
  }

  #read(): Mode | null {
    try {
      const kept = localStorage.getItem(this.#key);
      return modes.find((mode) => mode === kept) ?? null;
    } catch {
      return null;
    }
  }

  #items(): HTMLButtonElement[] {
    return [...(this.#switch?.querySelectorAll<HTMLButtonElement>("[data-mode]") ?? [])];
  }

  #show(): void {
    const { mode, possible } = this;
    const shown = [mode, ...possible].join(" ");
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#parts.content.dataset["mode"] = mode;
    if (this.#switch) {
      this.#switch.hidden = possible.length < 2;
      this.#switch.dataset["mode"] = mode;
      const summary = this.#switch.querySelector("summary");
      const label = this.#switch.querySelector("[data-mode-label]");
      if (label) label.textContent = say(`mode.${mode}`);
      summary?.setAttribute("aria-label", `${say(`mode.${mode}`)}: ${say("mode.what")}`);
      summary?.setAttribute("title", `${say(`mode.${mode}`)} (${keyName("Mod+Alt+S")})`);
      for (const item of this.#items()) {
        item.setAttribute("aria-checked", String(item.dataset["mode"] === mode));
        item.hidden = !possible.some((each) => each === item.dataset["mode"]);
      }
    }
    for (const listener of this.#listeners) listener();
  }
}

/** Makes suggestions of what is written in the mode for it. */
export function suggesting(modes: Modes): Extension {
  return Extension.create({
    name: "suggesting",
    addProseMirrorPlugins: () => [suggestedBreaks()],
    addKeyboardShortcuts() {
      return {
        "Mod-Alt-s": () => {
          modes.cycle();
          return true;
        },
      };
    },
    dispatchTransaction({ transaction, next }) {
      const { editor } = this as unknown as { editor: Editor };
      const isOurs =
        modes.mode === "suggesting" &&
        transaction.docChanged &&
        transaction.getMeta(ySyncPluginKey) === undefined &&
        transaction.getMeta(decision) === undefined;
      if (!isOurs) {
        next(transaction);
        return;
      }
      const tracked = track(transaction, editor.state, modes.author);
      if (tracked === null) showToast(say("suggest.cannot"));
      else next(tracked);
    },
  });
}
