import { type Editor, Extension } from "@tiptap/core";
import { NodeSelection, Plugin } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { requestComment, takesComments } from "../comments/request";
import { placeOfBlock } from "./block-menu";
import { buildElement, iconButton } from "./build-element";
import { addPanel, placePanel } from "./place-panel";
import { say } from "./words";

function selectedImage(view: EditorView): NodeSelection | null {
  const { selection } = view.state;
  return selection instanceof NodeSelection && selection.node.type.name === "image" ? selection : null;
}

function altOf({ node }: NodeSelection): string {
  const alt: unknown = node.attrs["alt"];
  return typeof alt === "string" ? alt : "";
}

/** The form below a selected picture for its alternative text, with a hint while it has none. */
class ImageToolbar {
  readonly #editor: Editor;
  readonly #input = buildElement("input", {
    attributes: {
      type: "text",
      maxlength: "1000",
      autocomplete: "off",
      enterkeyhint: "done",
      "aria-label": say("image.alt"),
      "aria-describedby": "image-hint",
      placeholder: say("image.placeholder"),
    },
  });
  readonly #hint = buildElement("p", { class: "image-hint", text: say("image.missing"), attributes: { id: "image-hint" } });
  readonly #form: HTMLFormElement;
  /** The picture that the form is about, as it was when the form was filled. */
  #image: NodeSelection | null = null;
  #entering = false;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#form = buildElement("form", {
      class: "palette image-toolbar",
      attributes: { "data-image-toolbar": "", "aria-label": say("image.label"), novalidate: "" },
      children: [
        this.#input,
        iconButton({ label: say("image.apply"), icon: "check", onPress: () => { this.#leave(); } }),
        ...(takesComments(editor)
          ? [iconButton({ label: say("tool.comment"), icon: "comment", onPress: () => { this.#comment(); } })]
          : []),
        this.#hint,
      ],
    });
    this.#form.hidden = true;
    this.#input.addEventListener("input", () => {
      this.#hint.hidden = this.#input.value.trim() !== "";
    });
    this.#input.addEventListener("change", () => {
      this.#apply();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#leave();
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      if (this.#image) this.#input.value = altOf(this.#image);
      this.#leave();
    });
    this.#form.addEventListener("focusout", () => {
      setTimeout(() => {
        if (!editor.isDestroyed) this.update(editor.view);
      });
    });
    addPanel(this.#form);
  }

  readonly again = (): void => {
    if (!this.#form.hidden) this.update(this.#editor.view);
  };

  update(view: EditorView): void {
    const inside = this.#form.contains(document.activeElement);
    const here = this.#entering || view.hasFocus() || inside;
    const image = view.editable && here ? selectedImage(view) : null;
    this.#form.hidden = image === null;
    if (image === null) {
      this.#image = null;
      return;
    }
    // What a person is writing there is not replaced by what somebody else wrote meanwhile.
    if (!inside) {
      this.#image = image;
      this.#input.value = altOf(image);
      this.#hint.hidden = this.#input.value.trim() !== "";
    }
    const dom = view.nodeDOM(image.from);
    if (dom instanceof Element) void placePanel(this.#form, dom, "bottom-start");
  }

  focus(): boolean {
    if (this.#form.hidden) return false;
    this.#entering = true;
    this.#input.focus();
    this.#input.select();
    this.#entering = false;
    return true;
  }

  destroy(): void {
    this.#form.remove();
  }

  #apply(): void {
    const { state, view } = this.#editor;
    const place = this.#image && placeOfBlock(state.doc, this.#image.node);
    const alt = this.#input.value.trim();
    if (place?.node.type.name !== "image" || place.node.attrs["alt"] === alt || !this.#editor.isEditable) return;
    const { tr } = state;
    tr.setNodeAttribute(place.from, "alt", alt);
    const selected = selectedImage(view)?.from === place.from;
    if (selected) tr.setSelection(NodeSelection.create(tr.doc, place.from));
    view.dispatch(tr);
  }

  #leave(): void {
    this.#apply();
    this.#editor.view.focus();
  }

  #comment(): void {
    this.#apply();
    const place = this.#image && placeOfBlock(this.#editor.state.doc, this.#image.node);
    if (place) requestComment(this.#editor, place.from);
  }
}

export const imageToolbar = Extension.create({
  name: "imageToolbar",

  addProseMirrorPlugins() {
    const { editor } = this;
    let toolbar: ImageToolbar | null = null;
    const again = () => {
      toolbar?.again();
    };
    return [
      new Plugin({
        view: () => {
          toolbar = new ImageToolbar(editor);
          window.addEventListener("scroll", again, { passive: true });
          return {
            update: (view) => toolbar?.update(view),
            destroy: () => {
              window.removeEventListener("scroll", again);
              toolbar?.destroy();
            },
          };
        },
        props: {
          handleKeyDown: (_view, event) => event.key === "F10" && event.altKey && (toolbar?.focus() ?? false),
          handleDOMEvents: {
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
