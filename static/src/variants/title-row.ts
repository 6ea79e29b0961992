import { buildElement } from "../editor/build-element";
import { bindTextField } from "../editor/text-field";
import { say } from "../editor/words";
import { type Surroundings, textButton } from "./own-text";

/** The title: the document's, or one of its own. */
export class TitleRow {
  readonly element = buildElement("div", { class: "variant-block variant-title", attributes: { role: "group", "aria-label": say("variant.title") } });
  readonly #around: Surroundings;
  readonly #tools = buildElement("div", { class: "variant-block-tools" });
  readonly #body = buildElement("div", { class: "variant-block-body" });
  #untie: (() => void) | null = null;
  #field: HTMLTextAreaElement | null = null;
  #shown = "";

  constructor(around: Surroundings) {
    this.#around = around;
    this.element.append(this.#tools, this.#body);
  }

  /** `title`: the document's. */
  update(title: string, isOwn: boolean): void {
    const { mayWrite } = this.#around.session;
    if (this.#field) this.#field.readOnly = !mayWrite;
    const shown = JSON.stringify([isOwn, mayWrite, isOwn ? "" : title]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.dataset["kind"] = isOwn ? "adapted" : "follows";
    const had = this.#tools.contains(document.activeElement);
    this.#tools.replaceChildren(
      buildElement("span", { class: "variant-kind", text: isOwn ? `${say("variant.title")} · ${say("variant.adapted")}` : say("variant.title") }),
      ...(mayWrite ? [this.#deed(title, isOwn)] : []),
    );
    if (had) this.#tools.querySelector("button")?.focus();
    if (isOwn === (this.#field !== null)) {
      if (!isOwn) this.#body.replaceChildren(this.#still(title));
      return;
    }
    this.destroy();
    this.#body.replaceChildren(isOwn ? this.#live(mayWrite) : this.#still(title));
  }

  destroy(): void {
    this.#untie?.();
    this.#untie = null;
    this.#field = null;
  }

  #deed(title: string, isOwn: boolean): HTMLButtonElement {
    const { variant, refresh } = this.#around;
    if (isOwn) {
      return textButton("follow", say("variant.follow"), () => {
        variant.dropTitle();
        refresh();
        this.#tools.querySelector("button")?.focus();
      });
    }
    return textButton("adapt", say("variant.adapt"), () => {
      variant.addTitle(title);
      refresh();
      this.#field?.focus();
    }, say("variant.adapt.of", { words: say("variant.title") }));
  }

  #still(title: string): HTMLElement {
    return buildElement("p", { class: "variant-title-words", text: title === "" ? say("title.untitled") : title, attributes: { dir: "auto" } });
  }

  #live(mayWrite: boolean): HTMLElement {
    const { variant, name } = this.#around;
    const field = buildElement("textarea", {
      class: "variant-title-words",
      attributes: { rows: "1", maxlength: "300", autocomplete: "off", spellcheck: "true", "aria-label": say("variant.label.title", { name }) },
    });
    field.readOnly = !mayWrite;
    this.#field = field;
    this.#untie = bindTextField({
      field,
      text: variant.title,
      origin: variant.origin,
      undo: variant.undo,
      onLeave: () => {
        this.#tools.querySelector("button")?.focus();
      },
    });
    return field;
  }
}
