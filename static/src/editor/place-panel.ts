import { computePosition, flip, offset, type Placement, shift, type VirtualElement } from "@floating-ui/dom";
import type { EditorView } from "@tiptap/pm/view";

const byTouch = window.matchMedia("(max-width: 640px), (pointer: coarse)");

/** Puts a panel beside something, inside the window. The panel is `position: fixed` by its style sheet. */
export async function placePanel(
  panel: HTMLElement,
  beside: Element | VirtualElement,
  placement: Placement,
): Promise<void> {
  // On a phone the lowest part of the window belongs to the bar above the keyboard.
  const padding = { top: 8, left: 8, right: 8, bottom: byTouch.matches ? 60 : 8 };
  const { x, y } = await computePosition(beside, panel, {
    placement,
    strategy: "fixed",
    middleware: [offset(8), flip({ padding }), shift({ padding })],
  });
  panel.style.left = `${String(Math.round(x))}px`;
  panel.style.top = `${String(Math.round(y))}px`;
}

/** Puts a panel below a stretch of text. */
export function placeBesideText(panel: HTMLElement, view: EditorView, from: number, to: number): Promise<void> {
  const getBoundingClientRect = () => {
    const { size } = view.state.doc.content;
    const start = view.coordsAtPos(Math.min(from, size));
    const end = view.coordsAtPos(Math.min(to, size), -1);
    const left = Math.min(start.left, end.left);
    return new DOMRect(left, start.top, Math.max(start.right, end.right) - left, end.bottom - start.top);
  };
  return placePanel(panel, { contextElement: view.dom, getBoundingClientRect }, "bottom-start");
}

/** Panels belong to the document's landmark, so that they are found there by who moves by landmarks. */
export function addPanel(panel: HTMLElement): void {
  (document.querySelector("#editor") ?? document.body).append(panel);
}
