import { type Editor, Extension, findParentNode } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { buildElement, iconButton } from "./build-element";
import { addPanel, placePanel } from "./place-panel";
import { enterToolbar, watchToolbarKeys } from "./toolbar-keys";
import { say } from "./words";

const tools: readonly (readonly [name: string, run: (editor: Editor) => void] | null)[] = [
  ["rowAbove", (editor) => editor.chain().focus().addRowBefore().run()],
  ["rowBelow", (editor) => editor.chain().focus().addRowAfter().run()],
  ["rowDelete", (editor) => editor.chain().focus().deleteRow().run()],
  null,
  ["columnLeft", (editor) => editor.chain().focus().addColumnBefore().run()],
  ["columnRight", (editor) => editor.chain().focus().addColumnAfter().run()],
  ["columnDelete", (editor) => editor.chain().focus().deleteColumn().run()],
  null,
  ["headerRow", (editor) => editor.chain().focus().toggleHeaderRow().run()],
  ["tableDelete", (editor) => editor.chain().focus().deleteTable().run()],
];

const inTable = findParentNode((node) => node.type.name === "table");

/** The tools of the table the caret stands in, above it. */
class TableToolbar {
  readonly #panel = buildElement("div", {
    class: "toolbar table-toolbar",
    attributes: { role: "toolbar", "data-table-toolbar": "" },
  });

  #entering = false;

  constructor(editor: Editor) {
    this.#panel.setAttribute("aria-label", say("table.label"));
    this.#panel.hidden = true;
    for (const tool of tools) {
      if (tool === null) {
        this.#panel.append(buildElement("span", { class: "toolbar-gap", attributes: { "aria-hidden": "true" } }));
        continue;
      }
      const [name, run] = tool;
      const button = iconButton({
        label: say(`table.${name}`),
        icon: name,
        onPress: () => {
          run(editor);
        },
      });
      button.dataset["tool"] = name;
      this.#panel.append(button);
    }
    watchToolbarKeys(this.#panel, () => editor.commands.focus());
    addPanel(this.#panel);
  }

  focus(): boolean {
    if (this.#panel.hidden) return false;
    // The text hears that it loses the focus before the toolbar has it.
    this.#entering = true;
    enterToolbar(this.#panel);
    this.#entering = false;
    return true;
  }

  update(view: EditorView): void {
    const here = this.#entering || view.hasFocus() || this.#panel.contains(document.activeElement);
    const table = view.editable && here ? inTable(view.state.selection) : undefined;
    const dom = table ? view.nodeDOM(table.pos) : null;
    const selecting = !view.state.selection.empty;
    this.#panel.hidden = !(dom instanceof Element) || selecting;
    if (dom instanceof Element && !selecting) void placePanel(this.#panel, dom, "top-start");
  }

  destroy(): void {
    this.#panel.remove();
  }
}

export const tableToolbar = Extension.create({
  name: "tableToolbar",

  addProseMirrorPlugins() {
    const { editor } = this;
    let toolbar: TableToolbar | null = null;
    return [
      new Plugin({
        props: {
          handleKeyDown: (_view, event) => event.key === "F10" && event.altKey && (toolbar?.focus() ?? false),
        },
        view: (view) => {
          toolbar = new TableToolbar(editor);
          const again = () => {
            setTimeout(() => {
              if (!view.isDestroyed) toolbar?.update(view);
            });
          };
          view.dom.addEventListener("blur", again);
          view.dom.addEventListener("focus", again);
          window.addEventListener("scroll", again, { passive: true });
          return {
            update: () => {
              toolbar?.update(view);
            },
            destroy: () => {
              window.removeEventListener("scroll", again);
              toolbar?.destroy();
            },
          };
        },
      }),
    ];
  },
});
