import { type Editor, Extension } from "@tiptap/core";
import { NodeSelection, Plugin, TextSelection } from "@tiptap/pm/state";
import { CellSelection } from "@tiptap/pm/tables";
import type { EditorView } from "@tiptap/pm/view";
import { requestComment, takesComments } from "../comments/request";
import { buildElement, iconButton } from "./build-element";
import { keyName } from "./key-names";
import { openLinkEditor } from "./link-editor";
import { addPanel, placePanel } from "./place-panel";
import { enterToolbar, watchToolbarKeys } from "./toolbar-keys";
import { say } from "./words";

interface Tool {
  readonly name: string;
  readonly keys: string;
  readonly isOn: (editor: Editor) => boolean;
  readonly run: (editor: Editor) => void;
}

function markTool(name: string, keys: string): Tool {
  return {
    name,
    keys,
    isOn: (editor) => editor.isActive(name),
    run: (editor) => {
      editor.chain().focus().toggleMark(name).run();
    },
  };
}

function headingTool(level: 1 | 2 | 3): Tool {
  return {
    name: `heading${String(level)}`,
    keys: `Mod+Alt+${String(level)}`,
    isOn: (editor) => editor.isActive("heading", { level }),
    run: (editor) => {
      editor.chain().focus().toggleHeading({ level }).run();
    },
  };
}

const formats: readonly (Tool | "gap")[] = [
  markTool("bold", "Mod+B"),
  markTool("italic", "Mod+I"),
  markTool("strike", "Mod+Shift+S"),
  markTool("code", "Mod+E"),
  markTool("highlight", "Mod+Shift+H"),
  { name: "link", keys: "Mod+K", isOn: (editor) => editor.isActive("link"), run: openLinkEditor },
  "gap",
  headingTool(1),
  headingTool(2),
  headingTool(3),
];
const comment: Tool = { name: "comment", keys: "Mod+Alt+M", isOn: () => false, run: requestComment };

const narrow = window.matchMedia("(max-width: 640px)");

/** Is there text that the tools could change? */
export function hasTextSelected(view: EditorView): boolean {
  const { selection, doc } = view.state;
  if (selection.empty || selection instanceof NodeSelection || selection.$from.parent.type.spec.code) return false;
  if (!(selection instanceof TextSelection || selection instanceof CellSelection) && selection.from === selection.to)
    return false;
  return doc.textBetween(selection.from, selection.to, " ").trim() !== "";
}

/**
 * The tools for selected text. On narrow screens they stand above the keyboard instead of beside the
 * selection, where the system puts its own menu.
 */
class SelectionToolbar {
  readonly #editor: Editor;
  readonly #panel = buildElement("div", {
    class: "toolbar selection-toolbar",
    attributes: { role: "toolbar", "data-selection-toolbar": "" },
  });
  readonly #buttons = new Map<Tool, HTMLButtonElement>();
  #pointerDown = false;
  #dismissed = false;
  #entering = false;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#panel.setAttribute("aria-label", say("toolbar.label"));
    this.#panel.hidden = true;
    for (const tool of takesComments(editor) ? [...formats, "gap" as const, comment] : formats) {
      if (tool === "gap") {
        this.#panel.append(buildElement("span", { class: "toolbar-gap", attributes: { "aria-hidden": "true" } }));
        continue;
      }
      const button = iconButton({
        label: say(`tool.${tool.name}`),
        icon: tool.name,
        keys: keyName(tool.keys),
        onPress: () => {
          tool.run(editor);
        },
      });
      button.dataset["tool"] = tool.name;
      button.setAttribute("aria-pressed", "false");
      this.#buttons.set(tool, button);
      this.#panel.append(button);
    }
    addPanel(this.#panel);
    watchToolbarKeys(this.#panel, () => {
      this.dismiss();
      editor.commands.focus();
    });
    editor.view.dom.addEventListener("pointerdown", this.#onPointerDown);
    window.addEventListener("pointerup", this.#onPointerUp);
    window.addEventListener("scroll", this.#onScroll, { passive: true, capture: true });
    // What comes above the text pushes it down.
    for (const above of document.querySelectorAll("#editor-banner, #review-bar")) this.#above.observe(above);
  }

  readonly #onPointerDown = (): void => {
    this.#pointerDown = true;
    this.#dismissed = false;
  };

  readonly #onPointerUp = (): void => {
    if (!this.#pointerDown) return;
    this.#pointerDown = false;
    this.update(this.#editor.view);
  };

  readonly #above = new ResizeObserver(() => {
    this.#onScroll();
  });

  readonly #onScroll = (): void => {
    if (!this.#panel.hidden) this.#place(this.#editor.view);
  };

  update(view: EditorView): void {
    const here = this.#entering || view.hasFocus() || this.#panel.contains(document.activeElement);
    const wanted = view.editable && here && !this.#pointerDown && hasTextSelected(view);
    if (!wanted) this.#dismissed = false;
    this.#panel.hidden = !wanted || this.#dismissed;
    if (this.#panel.hidden) return;
    for (const [tool, button] of this.#buttons) {
      const on = tool.isOn(this.#editor);
      if (button.getAttribute("aria-pressed") !== String(on)) button.setAttribute("aria-pressed", String(on));
    }
    this.#place(view);
  }

  /** Alt+F10 is the usual way from a text to its toolbar. */
  focus(): boolean {
    if (this.#panel.hidden) return false;
    // The text hears that it loses the focus before the toolbar has it.
    this.#entering = true;
    enterToolbar(this.#panel);
    this.#entering = false;
    return true;
  }

  dismiss(): boolean {
    if (this.#panel.hidden) return false;
    this.#dismissed = true;
    this.#panel.hidden = true;
    return true;
  }

  destroy(): void {
    this.#editor.view.dom.removeEventListener("pointerdown", this.#onPointerDown);
    window.removeEventListener("pointerup", this.#onPointerUp);
    window.removeEventListener("scroll", this.#onScroll, { capture: true });
    this.#above.disconnect();
    this.#panel.remove();
  }

  #place(view: EditorView): void {
    this.#panel.classList.toggle("is-docked", narrow.matches);
    if (narrow.matches) {
      this.#panel.style.left = "";
      this.#panel.style.top = "";
      return;
    }
    const { from, to } = view.state.selection;
    const start = view.coordsAtPos(from);
    const end = view.coordsAtPos(to, -1);
    const sameLine = Math.abs(start.top - end.top) < 4;
    const left = sameLine ? start.left : Math.min(start.left, end.left);
    const right = sameLine ? end.left : Math.max(start.left, end.left);
    const box = new DOMRect(left, start.top, Math.max(0, right - left), end.bottom - start.top);
    void placePanel(this.#panel, { contextElement: view.dom, getBoundingClientRect: () => box }, "top");
  }
}

export const selectionToolbar = Extension.create({
  name: "selectionToolbar",

  addProseMirrorPlugins() {
    const { editor } = this;
    let toolbar: SelectionToolbar | null = null;
    return [
      new Plugin({
        view: () => {
          toolbar = new SelectionToolbar(editor);
          return {
            update: (view) => toolbar?.update(view),
            destroy: () => toolbar?.destroy(),
          };
        },
        props: {
          handleKeyDown: (_view, event) => {
            if (event.key === "F10" && event.altKey) return toolbar?.focus() ?? false;
            return event.key === "Escape" && (toolbar?.dismiss() ?? false);
          },
          handleDOMEvents: {
            // The focus has moved only after the event, so the toolbar looks again then.
            blur: (view) => {
              setTimeout(() => toolbar?.update(view));
              return false;
            },
            focus: (view) => {
              setTimeout(() => toolbar?.update(view));
              return false;
            },
          },
        },
      }),
    ];
  },
});
