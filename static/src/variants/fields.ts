import type { Overlay } from "./overlay";
import type { Variant } from "./variant";

type Control = HTMLInputElement | HTMLSelectElement;

function valueOf(overlay: Overlay, name: string): string {
  if (name === "link") return overlay.link;
  if (name === "tags") return overlay.tags;
  return overlay.options.get(name.replace(/^option\//, "")) ?? "";
}

/** The fields of what is sent besides the text. A field that is being written in keeps what is written there. */
export class Fields {
  readonly #form: HTMLFormElement;
  readonly #controls: readonly Control[];
  readonly #end = new AbortController();

  constructor(form: HTMLFormElement, variant: Variant) {
    this.#form = form;
    this.#controls = [...form.querySelectorAll<Control>("input[name], select[name]")];
    form.hidden = false;
    const { signal } = this.#end;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
    }, { signal });
    for (const control of this.#controls) {
      const name = control.name as "link" | "tags" | `option/${string}`;
      control.addEventListener("input", () => {
        variant.write(name, control.value);
      }, { signal });
      control.addEventListener("focus", () => {
        variant.undo.stopCapturing();
      }, { signal });
    }
  }

  update(overlay: Overlay, mayWrite: boolean): void {
    for (const control of this.#controls) {
      if (control instanceof HTMLSelectElement) control.disabled = !mayWrite;
      else control.readOnly = !mayWrite;
      const value = valueOf(overlay, control.name);
      if (control.value !== value) control.value = value;
    }
  }

  destroy(): void {
    this.#end.abort();
    this.#form.hidden = true;
  }
}
