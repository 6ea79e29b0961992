import { type Editor, Extension } from "@tiptap/core";
import { NodeSelection, Plugin, TextSelection } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { blockWithId, type BlockPlace, blocksAround, deleteBlock, duplicateBlock, moveBlock } from "./block-actions";
import { blockKinds } from "./block-kinds";
import { buildElement, icon } from "./build-element";
import { keyName } from "./key-names";
import { type MenuGroup, openMenu } from "./popup-menu";
import { say } from "./words";

/** The button beside a block, in the margin: what it opens acts on that block. */
class BlockHandle {
  readonly #editor: Editor;
  readonly #button: HTMLButtonElement;
  #id: string | null = null;
  #menuOpen = false;

  constructor(editor: Editor, private readonly host: HTMLElement) {
    this.#editor = editor;
    this.#button = buildElement("button", {
      class: "block-handle",
      attributes: {
        type: "button",
        "aria-label": say("handle.label"),
        title: say("handle.label"),
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        "data-block-handle": "",
      },
      children: [icon("handle")],
    });
    this.#button.hidden = true;
    this.#button.addEventListener("click", () => {
      this.#open();
    });
    host.prepend(this.#button);
    host.addEventListener("pointermove", this.#onMove, { passive: true });
    host.addEventListener("pointerleave", this.#onLeave, { passive: true });
  }

  readonly #onMove = (event: PointerEvent): void => {
    if (this.#menuOpen || event.pointerType === "touch") return;
    const block = this.#blockAtHeight(event.clientY);
    if (block) this.#show(block);
  };

  readonly #onLeave = (): void => {
    if (!this.#menuOpen && document.activeElement !== this.#button) this.update(this.#editor.view);
  };

  /** Without a pointer over the text, the handle stands beside the block with the caret. */
  update(view: EditorView): void {
    if (this.#menuOpen) return;
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
    const id = block.dataset["id"] ?? block.querySelector<HTMLElement>("table[data-id]")?.dataset["id"];
    if (id === undefined) return;
    this.#id = id;
    const firstLine = Number.parseFloat(getComputedStyle(block).lineHeight) || 24;
    const top = block.getBoundingClientRect().top - this.host.getBoundingClientRect().top;
    this.#button.style.top = `${String(Math.round(top + Math.min(firstLine, block.offsetHeight) / 2))}px`;
    this.#button.hidden = false;
  }

  #open(): void {
    const place = this.#id === null ? null : blockWithId(this.#editor.state.doc, this.#id);
    if (!place || this.#id === null) return;
    const id = this.#id;
    // What the menu does is found by the id again: others may have moved the block meanwhile.
    const onPlace = (act: (place: BlockPlace) => void) => () => {
      const now = blockWithId(this.#editor.state.doc, id);
      if (now && this.#editor.isEditable) act(now);
    };
    const editor = this.#editor;
    const move = (up: boolean) =>
      onPlace((now) => {
        const moved = moveBlock(editor.state, now, up);
        if (moved) editor.view.dispatch(moved);
        editor.commands.focus(undefined, { scrollIntoView: false });
      });
    const groups: MenuGroup[] = [];
    if (place.node.isTextblock || /List$|^blockquote$/.test(place.node.type.name)) {
      groups.push({
        label: say("handle.turnInto"),
        items: blockKinds
          .filter((kind) => kind.turnInto)
          .map((kind) => ({
            name: `turn-${kind.name}`,
            label: say(`block.${kind.name}`),
            icon: kind.icon,
            run: onPlace((now) => {
              const { doc, tr } = editor.state;
              const end = now.from + now.node.nodeSize;
              const inner = TextSelection.between(doc.resolve(now.from + 1), doc.resolve(end - 1));
              editor.view.dispatch(tr.setSelection(inner));
              kind.apply(editor, null);
              editor.commands.setTextSelection(editor.state.selection.to);
            }),
          })),
      });
    }
    groups.push({
      label: say("handle.block"),
      items: [
        { name: "move-up", label: say("handle.up"), icon: "up", keys: keyName("Mod+Alt+↑"), run: move(true) },
        { name: "move-down", label: say("handle.down"), icon: "down", keys: keyName("Mod+Alt+↓"), run: move(false) },
        {
          name: "duplicate",
          label: say("handle.duplicate"),
          icon: "duplicate",
          run: onPlace((now) => {
            duplicateBlock(editor, now);
          }),
        },
        {
          name: "delete",
          label: say("handle.delete"),
          icon: "trash",
          run: onPlace((now) => {
            deleteBlock(editor, now);
            editor.commands.focus();
          }),
        },
      ],
    });
    this.#menuOpen = true;
    openMenu(this.#button, say("handle.label"), groups, () => {
      this.#menuOpen = false;
    });
  }
}

/** Moves the innermost block that has somewhere to go: the first item of a list takes the list along. */
function moveCurrent(editor: Editor, up: boolean): boolean {
  if (!editor.isEditable) return false;
  for (const place of blocksAround(editor.state)) {
    const moved = moveBlock(editor.state, place, up);
    if (moved === null) continue;
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
