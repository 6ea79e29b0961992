import { type Editor, Extension, type Range } from "@tiptap/core";
import { type EditorState, Plugin, PluginKey } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { type BlockKind, blockKinds } from "./block-kinds";
import { buildElement, icon } from "./build-element";
import { addPanel, placePanel } from "./place-panel";
import { findItems } from "./slash-filter";
import { opensMenu, queryBefore } from "./slash-query";
import { say } from "./words";

const menuId = "slash-menu";
const key = new PluginKey<boolean>("slashMenu");

interface Entry {
  readonly kind: BlockKind;
  readonly name: string;
  readonly also: string;
}

/** The text of the block before the caret, with one character for whatever is not text. */
function textBeforeCaret(state: EditorState): string | null {
  const { $from, empty } = state.selection;
  if (!empty || !$from.parent.isTextblock || $from.parent.type.spec.code) return null;
  return $from.parent.textBetween(0, $from.parentOffset, undefined, "\ufffc");
}

function queryAt(state: EditorState): { query: string; range: Range } | null {
  const before = textBeforeCaret(state);
  const query = before === null ? null : queryBefore(before);
  if (query === null) return null;
  const { from } = state.selection;
  return { query, range: { from: from - query.length - 1, to: from } };
}

/** The list of blocks that opens on "/". The caret stays in the text; what is typed filters the list. */
class SlashMenu {
  readonly #editor: Editor;
  readonly #panel = buildElement("div", {
    class: "palette slash-menu",
    attributes: { id: menuId, role: "listbox", tabindex: "0", "data-slash-menu": "" },
  });
  #entries: readonly Entry[] = [];
  #active = 0;
  #range: Range | null = null;
  #query = "";

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#panel.setAttribute("aria-label", say("slash.label"));
    this.#panel.hidden = true;
    this.#panel.addEventListener("mousedown", (event) => {
      event.preventDefault();
    });
  }

  get isOpen(): boolean {
    return !this.#panel.hidden;
  }

  update(view: EditorView): void {
    const found = key.getState(view.state) === true && view.editable ? queryAt(view.state) : null;
    if (found === null) {
      this.#close();
      return;
    }
    const opening = this.#panel.hidden;
    // A page may have several texts; the menu of one of them is in it at a time.
    if (opening) addPanel(this.#panel);
    this.#range = found.range;
    if (opening || found.query !== this.#query) {
      this.#query = found.query;
      this.#active = 0;
      this.#draw();
    }
    this.#panel.hidden = false;
    const { range } = found;
    void placePanel(
      this.#panel,
      { contextElement: view.dom, getBoundingClientRect: () => caretBox(view, range.from) },
      "bottom-start",
    );
  }

  /** Returns true when the key was for the menu. */
  press(event: KeyboardEvent): boolean {
    if (!this.isOpen) return false;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        this.#move(event.key === "ArrowDown" ? 1 : -1);
        return true;
      case "Enter":
      case "Tab":
        return this.#choose(this.#entries[this.#active]);
      case "Escape":
        event.stopPropagation();
        this.#editor.view.dispatch(this.#editor.state.tr.setMeta(key, false));
        return true;
      default:
        return false;
    }
  }

  destroy(): void {
    this.#close();
    this.#panel.remove();
  }

  #close(): void {
    if (this.#panel.hidden) return;
    this.#panel.hidden = true;
    this.#panel.remove();
    this.#query = "";
    this.#editor.view.dom.removeAttribute("aria-activedescendant");
    this.#editor.view.dom.removeAttribute("aria-controls");
  }

  #draw(): void {
    const all = blockKinds.map((kind) => ({
      kind,
      name: say(`block.${kind.name}`),
      also: say(`block.${kind.name}.also`),
    }));
    const found = findItems(all, this.#query);
    const groups = [...new Set(all.map((entry) => entry.kind.group))];
    // While searching, the best match comes first; groups would tear the order apart.
    const grouped = this.#query === "" ? groups.map((group) => found.filter((e) => e.kind.group === group)) : [found];
    this.#entries = grouped.flat();
    if (this.#entries.length === 0) {
      this.#panel.replaceChildren(
        buildElement("div", {
          class: "palette-nothing",
          text: say("slash.nothing"),
          attributes: { role: "option", "aria-disabled": "true", "aria-selected": "false", "data-nothing-found": "" },
        }),
      );
      this.#editor.view.dom.removeAttribute("aria-activedescendant");
      return;
    }
    this.#panel.replaceChildren(
      ...grouped.map((entries) => {
        const label = this.#query === "" ? say(`slash.group.${entries[0]?.kind.group ?? ""}`) : say("slash.found");
        return buildElement("div", {
          class: "palette-group",
          attributes: { role: "group", "aria-label": label },
          children: [
            buildElement("div", { class: "palette-heading", text: label, attributes: { "aria-hidden": "true" } }),
            ...entries.map((entry) => this.#option(entry)),
          ],
        });
      }),
    );
    this.#highlight();
  }

  #option(entry: Entry): HTMLElement {
    const option = buildElement("div", {
      class: "palette-item",
      attributes: {
        role: "option",
        id: `${menuId}-${entry.kind.name}`,
        "aria-selected": "false",
        "data-block": entry.kind.name,
      },
      children: [
        icon(entry.kind.icon),
        buildElement("span", {
          class: "palette-words",
          children: [
            buildElement("span", { class: "palette-name", text: entry.name }),
            buildElement("span", { class: "palette-hint", text: say(`block.${entry.kind.name}.hint`) }),
          ],
        }),
        buildElement("kbd", { class: "palette-keys", text: entry.kind.typed }),
      ],
    });
    option.addEventListener("click", () => {
      this.#choose(entry);
    });
    option.addEventListener("pointermove", () => {
      const index = this.#entries.indexOf(entry);
      if (index === this.#active) return;
      this.#active = index;
      this.#highlight();
    });
    return option;
  }

  #move(step: number): void {
    const { length } = this.#entries;
    if (length === 0) return;
    this.#active = (this.#active + step + length) % length;
    this.#highlight();
    this.#panel.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  #highlight(): void {
    const active = this.#entries[this.#active];
    for (const option of this.#panel.querySelectorAll<HTMLElement>("[data-block]")) {
      option.setAttribute("aria-selected", String(option.dataset["block"] === active?.kind.name));
    }
    const { dom } = this.#editor.view;
    dom.setAttribute("aria-controls", menuId);
    dom.setAttribute("aria-activedescendant", `${menuId}-${active?.kind.name ?? ""}`);
  }

  /** With nothing found, Enter is an ordinary Enter. */
  #choose(entry: Entry | undefined): boolean {
    if (!entry || this.#range === null) return false;
    const range = this.#range;
    this.#editor.view.dispatch(this.#editor.state.tr.setMeta(key, false));
    entry.kind.apply(this.#editor, range);
    return true;
  }
}

function caretBox(view: EditorView, position: number): DOMRect {
  const { left, top, bottom } = view.coordsAtPos(Math.min(position, view.state.doc.content.size));
  return new DOMRect(left, top, 0, bottom - top);
}

export const slashMenu = Extension.create({
  name: "slashMenu",
  // Before lists and other blocks, which also want Enter and Tab.
  priority: 1100,

  addProseMirrorPlugins() {
    const { editor } = this;
    let menu: SlashMenu | null = null;
    return [
      new Plugin<boolean>({
        key,
        state: {
          init: () => false,
          apply: (transaction, open, _before, after) => {
            const asked: unknown = transaction.getMeta(key);
            if (typeof asked === "boolean") return asked;
            return open && queryAt(after) !== null;
          },
        },
        view: () => {
          menu = new SlashMenu(editor);
          return {
            update: (view) => menu?.update(view),
            destroy: () => menu?.destroy(),
          };
        },
        props: {
          handleTextInput: (view, from, to, text) => {
            const before = textBeforeCaret(view.state);
            if (text !== "/" || from !== to || before === null || !opensMenu(before)) return false;
            view.dispatch(view.state.tr.insertText("/", from, to).setMeta(key, true).scrollIntoView());
            return true;
          },
          handleKeyDown: (_view, event) => !event.isComposing && (menu?.press(event) ?? false),
          handleDOMEvents: {
            blur: (view) => {
              if (key.getState(view.state) === true) view.dispatch(view.state.tr.setMeta(key, false));
              return false;
            },
          },
        },
      }),
    ];
  },
});
