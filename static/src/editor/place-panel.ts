import { computePosition, flip, offset, type Placement, shift, type VirtualElement } from "@floating-ui/dom";

/** Puts a panel beside something, inside the window. The panel is `position: fixed` by its style sheet. */
export async function placePanel(
  panel: HTMLElement,
  beside: Element | VirtualElement,
  placement: Placement,
): Promise<void> {
  const { x, y } = await computePosition(beside, panel, {
    placement,
    strategy: "fixed",
    middleware: [offset(8), flip({ padding: 8 }), shift({ padding: 8 })],
  });
  panel.style.left = `${String(Math.round(x))}px`;
  panel.style.top = `${String(Math.round(y))}px`;
}

/** Panels belong to the document's landmark, so that they are found there by who moves by landmarks. */
export function addPanel(panel: HTMLElement): void {
  (document.querySelector("#editor") ?? document.body).append(panel);
}
