import { type Editor, Extension, getMarkRange } from "@tiptap/core";
import { Plugin, type EditorState } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { ySyncPluginKey } from "@tiptap/y-tiptap";
import { isSafeAddress } from "./addresses";
import { buildElement, icon, iconButton } from "./build-element";
import { copyWords } from "./copy-text";
import { openLinkEditor } from "./link-editor";
import { addPanel, placeBesideText } from "./place-panel";
import { enterToolbar, watchToolbarKeys } from "./toolbar-keys";
import { beginUndoStep } from "./undo-step";
import { say } from "./words";

interface LinkPlace {
  readonly from: number;
  readonly to: number;
  readonly address: string;
}

/** The link that the caret stands in or touches. */
function linkAtCaret({ schema, selection }: EditorState): LinkPlace | null {
  const type = schema.marks["link"];
  if (!type || !selection.empty) return null;
  const range = getMarkRange(selection.$from, type);
  const address: unknown = range && type.isInSet(selection.$from.doc.nodeAt(range.from)?.marks ?? [])?.attrs["href"];
  return range && typeof address === "string" ? { from: range.from, to: range.to, address } : null;
}

/** Where a link leads, and what can be done with it: below the link that the caret was put into. */
class LinkCard {
  readonly #editor: Editor;
  readonly #address = buildElement("span", { class: "link-address" });
  readonly #open = buildElement("a", {
    class: "link-open",
    attributes: { target: "_blank", rel: "noopener noreferrer nofollow", "data-tool": "open" },
    children: [icon("open"), this.#address],
  });
  readonly #panel = buildElement("div", {
    class: "toolbar link-card",
    attributes: { role: "toolbar", "data-link-card": "" },
  });
  /** Not while a person types, and not again where it was closed: the next click or move of the caret brings it. */
  #quiet = true;
  #entering = false;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#panel.setAttribute("aria-label", say("link.label"));
    this.#panel.hidden = true;
    // The text keeps its caret while the link is pressed.
    this.#open.addEventListener("mousedown", (event) => {
      event.preventDefault();
    });
    this.#panel.append(this.#open, buildElement("span", { class: "toolbar-gap", attributes: { "aria-hidden": "true" } }));
    this.#add("copy", say("link.copy"), "duplicate", (button) => void this.#copy(button));
    this.#add("edit", say("link.edit"), "edit", () => {
      this.dismiss();
      openLinkEditor(editor);
    });
    this.#add("remove", say("link.remove"), "unlink", () => {
      this.#remove();
    });
    watchToolbarKeys(this.#panel, () => {
      this.dismiss();
      editor.commands.focus();
    });
    addPanel(this.#panel);
    window.addEventListener("scroll", this.#onScroll, { passive: true, capture: true });
  }

  /** `before`: the state that this one follows; none after a change of the focus. */
  update(view: EditorView, before?: EditorState): void {
    const { state } = view;
    if (before) this.#listen(state, before);
    const inside = this.#panel.contains(document.activeElement);
    const here = this.#entering || view.hasFocus() || inside;
    const link = view.editable && here && !this.#quiet ? linkAtCaret(state) : null;
    this.#panel.hidden = link === null;
    if (link !== null) this.#show(view, link);
  }

  /** A click or tap on a link, also on the one that the caret is in already. */
  click(view: EditorView): void {
    this.#quiet = false;
    this.update(view);
  }

  focus(): boolean {
    if (this.#panel.hidden) return false;
    // The text hears that it loses the focus before the card has it.
    this.#entering = true;
    enterToolbar(this.#panel);
    this.#entering = false;
    return true;
  }

  dismiss(): boolean {
    if (this.#panel.hidden) return false;
    this.#quiet = true;
    this.#panel.hidden = true;
    return true;
  }

  destroy(): void {
    window.removeEventListener("scroll", this.#onScroll, { capture: true });
    this.#panel.remove();
  }

  readonly #onScroll = (): void => {
    if (!this.#panel.hidden) this.update(this.#editor.view);
  };

  #listen(state: EditorState, before: EditorState): void {
    const { isChangeOrigin } = ySyncPluginKey.getState(state) as { isChangeOrigin: boolean };
    if (!state.doc.eq(before.doc)) {
      // What others write leaves the card where it is.
      if (!isChangeOrigin) this.#quiet = true;
    } else if (!state.selection.eq(before.selection)) {
      this.#quiet = false;
    }
  }

  #show(view: EditorView, { from, to, address }: LinkPlace): void {
    const safe = isSafeAddress(address);
    if (this.#panel.dataset["address"] !== address) {
      this.#panel.dataset["address"] = address;
      this.#address.textContent = address.replace(/^(?:https?:\/\/|mailto:)/i, "");
      this.#open.title = address;
      this.#open.setAttribute("aria-label", `${say("link.open")}: ${address}`);
      this.#sayCopied(false);
    }
    this.#open.hidden = !safe;
    if (safe) this.#open.href = address;
    else this.#open.removeAttribute("href");
    void placeBesideText(this.#panel, view, from, to);
  }

  #add(name: string, label: string, drawing: string, onPress: (button: HTMLButtonElement) => void): void {
    const button = iconButton({ label, icon: drawing, onPress });
    button.dataset["tool"] = name;
    this.#panel.append(button);
  }

  async #copy(button: HTMLButtonElement): Promise<void> {
    const back = document.activeElement;
    const copied = await copyWords(this.#panel.dataset["address"] ?? "", this.#panel);
    if (back instanceof HTMLElement && document.activeElement !== back) back.focus({ preventScroll: true });
    if (copied) this.#sayCopied(true, button);
  }

  #sayCopied(copied: boolean, button = this.#panel.querySelector<HTMLButtonElement>('[data-tool="copy"]')): void {
    if (!button) return;
    const label = say(copied ? "link.copied" : "link.copy");
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(icon(copied ? "check" : "duplicate"));
  }

  #remove(): void {
    const editor = this.#editor;
    const { state, view } = editor;
    const link = linkAtCaret(state);
    const type = state.schema.marks["link"];
    view.focus();
    if (link === null || !type || !editor.isEditable) return;
    beginUndoStep(editor);
    view.dispatch(state.tr.removeMark(link.from, link.to, type).removeStoredMark(type));
  }
}

export const linkCard = Extension.create({
  name: "linkCard",

  addProseMirrorPlugins() {
    const { editor } = this;
    let card: LinkCard | null = null;
    // The focus has moved only after the event.
    const soon = (view: EditorView) => {
      setTimeout(() => {
        if (!view.isDestroyed) card?.update(view);
      });
      return false;
    };
    return [
      new Plugin({
        view: () => {
          card = new LinkCard(editor);
          return {
            update: (view, before) => card?.update(view, before),
            destroy: () => card?.destroy(),
          };
        },
        props: {
          handleKeyDown: (_view, event) => {
            if (event.key === "F10" && event.altKey) return card?.focus() ?? false;
            return event.key === "Escape" && (card?.dismiss() ?? false);
          },
          handleDOMEvents: {
            blur: soon,
            focus: soon,
            click: (view, event) => {
              if (event.target instanceof Element && event.target.closest("a") !== null) card?.click(view);
              return false;
            },
          },
        },
      }),
    ];
  },
});
