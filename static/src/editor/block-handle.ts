import { type Editor, Extension } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { NodeSelection, Plugin } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { blocksAround, duplicateBlock, moveBlock } from "./block-actions";
import { watchBlockDrag } from "./block-drag";
import { openBlockMenu, placeOfBlock } from "./block-menu";
import { buildElement, icon } from "./build-element";
import { beginUndoStep } from "./undo-step";
import { say } from "./words";

/** The button beside a block, in the margin: what it opens acts on that block. */
class BlockHandle {
  readonly #editor: Editor;
  readonly #button: HTMLButtonElement;
  #block: Node | null = null;
  readonly #drag: ReturnType<typeof watchBlockDrag>;
  #menuOpen = false;

  constructor(editor: Editor, private readonly host: HTMLElement) {
    this.#editor = editor;
    this.#button = buildElement("button", {
      class: "block-handle",
      attributes: {
        type: "button",
        "aria-label": say("handle.label"),
        title: say("handle.tip"),
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        "data-block-handle": "",
      },
      children: [icon("handle")],
    });
    this.#button.hidden = true;
    this.#drag = watchBlockDrag(editor, host, this.#button, () => this.#block);
    this.#button.addEventListener("click", () => {
      this.#open();
    });
    host.prepend(this.#button);
    host.addEventListener("pointermove", this.#onMove, { passive: true });
    host.addEventListener("pointerleave", this.#onLeave, { passive: true });
  }

  readonly #onMove = (event: PointerEvent): void => {
    if (this.#menuOpen || this.#drag.isDragging() || event.pointerType === "touch") return;
    const block = this.#blockAtHeight(event.clientY);
    if (block) this.#show(block);
  };

  readonly #onLeave = (): void => {
    if (!this.#menuOpen && document.activeElement !== this.#button) this.update(this.#editor.view);
  };

  /** Without a pointer over the text, the handle stands beside the block with the caret. */
  update(view: EditorView): void {
    if (this.#menuOpen || this.#drag.isDragging()) return;
    if (!view.editable || !view.hasFocus()) {
      if (document.activeElement !== this.#button) this.#button.hidden = true;
      return;
    }
    const { $from } = view.state.selection;
    const start = $from.depth > 0 ? $from.before(1) : $from.pos;
    const dom = view.nodeDOM(start);
    if (dom instanceof HTMLElement) this.#show(dom);
  }

  destroy(): void {
    this.host.removeEventListener("pointermove", this.#onMove);
    this.host.removeEventListener("pointerleave", this.#onLeave);
    this.#drag.stop();
    this.#button.remove();
  }

  #blockAtHeight(y: number): HTMLElement | null {
    for (const child of this.#editor.view.dom.children) {
      const box = child.getBoundingClientRect();
      if (y >= box.top && y <= box.bottom && child instanceof HTMLElement) return child;
    }
    return null;
  }

  #show(block: HTMLElement): void {
    if (!this.#editor.isEditable) return;
    // A picture on its way is no block yet.
    if (block.dataset["upload"] !== undefined) return;
    const { view, state } = this.#editor;
    const $start = state.doc.resolve(view.posAtDOM(block, 0));
    this.#block = $start.depth > 0 ? $start.node(1) : $start.nodeAfter;
    const firstLine = Number.parseFloat(getComputedStyle(block).lineHeight) || 24;
    const top = block.getBoundingClientRect().top - this.host.getBoundingClientRect().top;
    this.#button.style.top = `${String(Math.round(top + Math.min(firstLine, block.offsetHeight) / 2))}px`;
    this.#button.hidden = false;
  }

  #open(): void {
    const block = this.#block;
    if (block === null || placeOfBlock(this.#editor.state.doc, block) === null) return;
    this.#menuOpen = true;
    openBlockMenu(this.#editor, this.#button, block, () => {
      this.#menuOpen = false;
    });
  }
}

/** Moves the innermost block that has somewhere to go: the first item of a list takes the list along. */
export function moveCurrent(editor: Editor, up: boolean): boolean {
  if (!editor.isEditable) return false;
  for (const place of blocksAround(editor.state)) {
    const moved = moveBlock(editor.state, place, up);
    if (moved === null) continue;
    beginUndoStep(editor);
    editor.view.dispatch(moved);
    break;
  }
  return true;
}

export function blockHandle(host: HTMLElement): Extension {
  return Extension.create({
    name: "blockHandle",

    addKeyboardShortcuts() {
      return {
        "Mod-Alt-ArrowUp": () => moveCurrent(this.editor, true),
        "Mod-Alt-ArrowDown": () => moveCurrent(this.editor, false),
        "Mod-Shift-d": () => {
          const place = blocksAround(this.editor.state)[0];
          if (!place || !this.editor.isEditable) return false;
          duplicateBlock(this.editor, place);
          return true;
        },
      };
    },

    addProseMirrorPlugins() {
      const { editor } = this;
      return [
        new Plugin({
          view: () => {
            const handle = new BlockHandle(editor, host);
            return {
              update: (view, before) => {
                const { state } = view;
                if (before.selection.eq(state.selection) && before.doc.eq(state.doc)) return;
                if (!(state.selection instanceof NodeSelection && state.selection.$from.depth > 1)) handle.update(view);
              },
              destroy: () => {
                handle.destroy();
              },
            };
          },
        }),
      ];
    },
  });
}
