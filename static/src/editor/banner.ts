import { buildElement } from "./build-element";

export interface BannerAction {
  readonly name: string;
  readonly label: string;
  readonly run: () => void;
}

interface BannerContent {
  readonly kind: string;
  readonly text: string;
  readonly actions: readonly BannerAction[];
}

/** The line above the document for what concerns the whole of it. */
export class Banner {
  readonly #place: HTMLElement;
  #shown = "";

  constructor(place: HTMLElement) {
    this.#place = place;
  }

  show(content: BannerContent): void {
    const key = `${content.kind}:${content.text}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#place.dataset["banner"] = content.kind;
    this.#place.replaceChildren(
      buildElement("p", { text: content.text }),
      ...content.actions.map((action) => {
        const button = buildElement("button", {
          class: "button",
          text: action.label,
          attributes: { type: "button", "data-action": action.name },
        });
        button.addEventListener("click", action.run);
        return button;
      }),
    );
    this.#place.hidden = false;
  }

  hide(kind: string): void {
    if (this.#place.dataset["banner"] !== kind) return;
    this.#place.hidden = true;
    delete this.#place.dataset["banner"];
    this.#shown = "";
  }
}
