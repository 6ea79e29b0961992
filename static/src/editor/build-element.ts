export interface ElementParts {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly children?: readonly (Node | string)[];
}

/** One element of the page. No markup from strings, so nothing typed by a person can become markup. */
export function buildElement<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  parts: ElementParts = {},
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (parts.class !== undefined) element.className = parts.class;
  for (const [name, value] of Object.entries(parts.attributes ?? {})) element.setAttribute(name, value);
  if (parts.text !== undefined) element.textContent = parts.text;
  element.append(...(parts.children ?? []));
  return element;
}

/** A copy of an icon of the page; an empty drawing where the page has none of that name. */
export function icon(name: string): SVGElement {
  const icons = document.querySelector<HTMLTemplateElement>("#editor-icons");
  const drawing = icons?.content.querySelector<SVGElement>(`svg[data-icon="${CSS.escape(name)}"]`);
  return drawing
    ? (drawing.cloneNode(true) as SVGElement)
    : document.createElementNS("http://www.w3.org/2000/svg", "svg");
}

export interface ButtonParts {
  readonly label: string;
  readonly icon: string;
  readonly keys?: string;
  readonly class?: string;
  readonly onPress: (button: HTMLButtonElement) => void;
}

/** A button that shows only an icon; its label is read aloud and shown as a tip. */
export function iconButton(parts: ButtonParts): HTMLButtonElement {
  const tip = parts.keys === undefined ? parts.label : `${parts.label} (${parts.keys})`;
  const button = buildElement("button", {
    class: parts.class ?? "tool",
    attributes: { type: "button", "aria-label": parts.label, title: tip },
    children: [icon(parts.icon)],
  });
  // The text keeps its selection while a tool is pressed.
  button.addEventListener("mousedown", (event) => {
    event.preventDefault();
  });
  button.addEventListener("click", () => {
    parts.onPress(button);
  });
  return button;
}
