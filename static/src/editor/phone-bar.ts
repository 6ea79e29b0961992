import { type Editor, Extension } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { moveCurrent } from "./block-handle";
import { type BlockKind, blockKinds } from "./block-kinds";
import { openBlockMenu } from "./block-menu";
import { buildElement, iconButton } from "./build-element";
import { addPanel } from "./place-panel";
import { openMenu } from "./popup-menu";
import { hasTextSelected } from "./selection-toolbar";
import { watchToolbarKeys } from "./toolbar-keys";
import { beginUndoStep } from "./undo-step";
import { say } from "./words";

const byTouch = window.matchMedia("(max-width: 640px), (pointer: coarse)");

/** Puts a block of a kind where the caret is if that line is empty, otherwise below the block with the caret. */
function insertBlock(editor: Editor, kind: BlockKind): void {
  // At once: a phone shows its keyboard only for a focus that comes with the touch, and no letter may be lost.
  editor.view.focus();
  beginUndoStep(editor);
  const { $from, to } = editor.state.selection;
  const emptyLine = $from.parent.isTextblock && $from.parent.content.size === 0;
  if (!emptyLine) {
    const end = $from.depth > 0 ? $from.after(1) : to;
    editor
      .chain()
      .insertContentAt(end, { type: "paragraph" })
      .setTextSelection(end + 1)
      .run();
  }
  kind.apply(editor, null);
}

/**
 * The bar above the keyboard of a phone or tablet: what the margin and the keys do elsewhere. It gives way to the
 * tools for selected text.
 */
class PhoneBar {
  readonly #editor: Editor;
  readonly #panel = buildElement("div", {
    class: "toolbar is-docked phone-bar",
    attributes: { role: "toolbar", "data-phone-bar": "" },
  });
  #menuOpen = false;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#panel.setAttribute("aria-label", say("bar.label"));
    this.#panel.hidden = true;
    this.#add("insert", say("bar.insert"), "plus", (button) => {
      this.#openInsert(button);
    });
    this.#add("block", say("handle.label"), "handle", (button) => {
      this.#openBlock(button);
    });
    this.#add("move-up", say("handle.up"), "up", () => moveCurrent(editor, true));
    this.#add("move-down", say("handle.down"), "down", () => moveCurrent(editor, false));
    this.#panel.append(buildElement("span", { class: "toolbar-gap", attributes: { "aria-hidden": "true" } }));
    this.#add("undo", say("bar.undo"), "undo", () => editor.commands.undo());
    this.#add("redo", say("bar.redo"), "redo", () => editor.commands.redo());
    for (const name of ["insert", "block"]) {
      this.#panel.querySelector(`[data-tool="${name}"]`)?.setAttribute("aria-haspopup", "menu");
    }
    watchToolbarKeys(this.#panel, () => editor.commands.focus());
    addPanel(this.#panel);
  }

  update(view: EditorView): void {
    const here = view.hasFocus() || this.#menuOpen || this.#panel.contains(document.activeElement);
    this.#panel.hidden = !(byTouch.matches && view.editable && here && !hasTextSelected(view));
  }

  destroy(): void {
    this.#panel.remove();
  }

  #add(name: string, label: string, drawing: string, onPress: (button: HTMLButtonElement) => void): void {
    const button = iconButton({ label, icon: drawing, onPress });
    button.dataset["tool"] = name;
    this.#panel.append(button);
  }

  readonly #closed = (): void => {
    this.#menuOpen = false;
  };

  #openInsert(button: HTMLButtonElement): void {
    const editor = this.#editor;
    const groups = [...new Set(blockKinds.map((kind) => kind.group))].map((group) => ({
      label: say(`slash.group.${group}`),
      items: blockKinds
        .filter((kind) => kind.group === group)
        .map((kind) => ({
          name: `insert-${kind.name}`,
          label: say(`block.${kind.name}`),
          icon: kind.icon,
          run: () => {
            if (editor.isEditable) insertBlock(editor, kind);
          },
        })),
    }));
    this.#menuOpen = true;
    openMenu(button, say("bar.insert"), groups, this.#closed);
  }

  #openBlock(button: HTMLButtonElement): void {
    const { $from } = this.#editor.state.selection;
    const block = $from.depth > 0 ? $from.node(1) : $from.nodeAfter;
    if (block === null) return;
    this.#menuOpen = true;
    openBlockMenu(this.#editor, button, block, this.#closed);
  }
}

export const phoneBar = Extension.create({
  name: "phoneBar",

  addProseMirrorPlugins() {
    const { editor } = this;
    let bar: PhoneBar | null = null;
    const soon = (view: EditorView) => {
      // The focus has moved only after the event.
      setTimeout(() => {
        if (!view.isDestroyed) bar?.update(view);
      });
      return false;
    };
    return [
      new Plugin({
        view: () => {
          bar = new PhoneBar(editor);
          return {
            update: (view) => bar?.update(view),
            destroy: () => bar?.destroy(),
          };
        },
        props: { handleDOMEvents: { blur: soon, focus: soon } },
      }),
    ];
  },
});
