import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { OwnText, type Surroundings, textButton } from "./own-text";

/** A text of the variant that stands for no block of the document: at the start, or a further post. */
export class LabelledText {
  readonly element = buildElement("div", { class: "variant-block", attributes: { role: "group", "data-kind": "adapted" } });
  readonly #text: OwnText;
  readonly #heading = buildElement("span", { class: "variant-kind" });
  readonly #drop: HTMLButtonElement;

  constructor(around: Surroundings, root: string, words: { label: string; drop: string }, drop: () => void) {
    this.#drop = textButton("drop", words.drop, drop, `${words.drop}: ${words.label}`);
    this.#text = new OwnText(around, root, say("variant.label.post", { post: words.label, name: around.name }), () => {
      this.#drop.focus();
    });
    this.element.append(
      buildElement("div", { class: "variant-block-tools", children: [this.#heading, this.#drop] }),
      buildElement("div", { class: "variant-block-body", children: [this.#text.element] }),
    );
  }

  update(label: string, mayWrite: boolean): void {
    if (this.#heading.textContent !== label) {
      this.#heading.textContent = label;
      this.element.setAttribute("aria-label", label);
    }
    this.#drop.hidden = !mayWrite;
    this.#text.isEditable = mayWrite;
  }

  focus(): void {
    this.#text.focus();
  }

  destroy(): void {
    this.#text.destroy();
    this.element.remove();
  }
}
