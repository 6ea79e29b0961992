import type { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { moveBlockTo } from "./block-actions";
import { placeOfBlock } from "./block-menu";
import { buildElement } from "./build-element";
import { beginUndoStep } from "./undo-step";

/** A hand that trembles on a click drags nothing. */
const slackPixels = 5;
/** So near to the edge of the window the page scrolls along, the faster the nearer. */
const edgePixels = 72;

interface Gap {
  /** Where in the document. */
  readonly at: number;
  /** How far down the window. */
  readonly y: number;
}

/** The gap between two blocks of the document that is nearest to a height of the window. */
function gapAt({ view, state }: Editor, y: number): Gap | null {
  let gap: Gap | null = null;
  let above: number | null = null;
  state.doc.forEach((node, offset) => {
    const dom = view.nodeDOM(offset);
    if (!(dom instanceof HTMLElement)) return;
    const { top, bottom } = dom.getBoundingClientRect();
    if (gap === null) gap = { at: offset, y: top - 6 };
    else if (above !== null && gap.at === offset) gap = { at: offset, y: (above + top) / 2 };
    if (y > (top + bottom) / 2) gap = { at: offset + node.nodeSize, y: bottom + 6 };
    above = bottom;
  });
  return gap;
}

/**
 * Lets a block be dragged by its handle to another place among the blocks. Pointer events, because a button cannot be
 * dragged in every browser; the places are looked up anew with each move, because others may write meanwhile.
 */
export function watchBlockDrag(
  editor: Editor,
  host: HTMLElement,
  handle: HTMLElement,
  blockOfHandle: () => Node | null,
): { readonly isDragging: () => boolean; readonly stop: () => void } {
  const line = buildElement("div", { class: "block-drop-line", attributes: { "aria-hidden": "true" } });
  const lifted = buildElement("div", { class: "block-lifted", attributes: { "aria-hidden": "true" } });
  let pressed: { readonly block: Node; readonly x: number; readonly y: number } | null = null;
  let dragged: Node | null = null;
  let pointerY = 0;
  let scrolling = 0;
  let eatClick = false;

  const finish = () => {
    pressed = null;
    dragged = null;
    cancelAnimationFrame(scrolling);
    line.remove();
    lifted.remove();
    window.removeEventListener("keydown", onKey, true);
  };
  const show = () => {
    const place = dragged && placeOfBlock(editor.state.doc, dragged);
    const gap = gapAt(editor, pointerY);
    const dom = place && editor.view.nodeDOM(place.from);
    if (gap === null || !(dom instanceof HTMLElement)) {
      finish();
      return;
    }
    const { top } = host.getBoundingClientRect();
    const box = dom.getBoundingClientRect();
    line.style.top = `${String(Math.round(gap.y - top))}px`;
    lifted.style.top = `${String(Math.round(box.top - top))}px`;
    lifted.style.height = `${String(Math.round(box.height))}px`;
  };
  const scroll = () => {
    const { clientHeight } = document.documentElement;
    const over = Math.max(0, pointerY - (clientHeight - edgePixels)) - Math.max(0, edgePixels - pointerY);
    if (over !== 0) {
      window.scrollBy(0, over / 6);
      show();
    }
    if (dragged !== null) scrolling = requestAnimationFrame(scroll);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    finish();
  };
  const drop = (block: Node) => {
    const { state, view } = editor;
    const place = placeOfBlock(state.doc, block);
    const gap = gapAt(editor, pointerY);
    view.focus();
    const moved = place && gap && editor.isEditable ? moveBlockTo(state, place, gap.at) : null;
    if (moved === null) return;
    beginUndoStep(editor);
    view.dispatch(moved);
    beginUndoStep(editor);
  };

  handle.addEventListener("pointerdown", (event) => {
    eatClick = false;
    const block = blockOfHandle();
    if (event.button !== 0 || event.pointerType === "touch" || block === null || !editor.isEditable) return;
    pressed = { block, x: event.clientX, y: event.clientY };
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (pressed === null) return;
    pointerY = event.clientY;
    if (dragged === null) {
      if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < slackPixels) return;
      dragged = pressed.block;
      eatClick = true;
      host.append(lifted, line);
      window.addEventListener("keydown", onKey, true);
      scrolling = requestAnimationFrame(scroll);
    }
    show();
  });
  handle.addEventListener("pointerup", (event) => {
    const block = dragged;
    pointerY = event.clientY;
    finish();
    if (block !== null) drop(block);
  });
  handle.addEventListener("pointercancel", finish);
  handle.addEventListener("lostpointercapture", finish);
  // The click that ends a drag opens no menu.
  handle.addEventListener(
    "click",
    (event) => {
      if (!eatClick) return;
      eatClick = false;
      event.stopImmediatePropagation();
    },
    true,
  );
  return { isDragging: () => dragged !== null, stop: finish };
}
