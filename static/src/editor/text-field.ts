import type * as Y from "yjs";
import { diffText, moveThrough } from "./text-diff";

/** A title is one line; a pasted line break becomes a space. */
function oneLine(text: string): string {
  return text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ");
}

export interface TextFieldOptions {
  readonly field: HTMLTextAreaElement;
  readonly text: Y.Text;
  /** What is typed here is written under this origin. */
  readonly origin: unknown;
  readonly undo: { readonly undo: () => unknown; readonly redo: () => unknown };
  readonly onLeave: () => void;
  /** After the field shows another text, whoever wrote it. */
  readonly onChange?: () => void;
}

/** Ties a field of one line to a shared text. Returns what unties it. */
export function bindTextField({ field, text, origin, undo, onLeave, onChange }: TextFieldOptions): () => void {
  const untie = new AbortController();
  const { signal } = untie;
  let composing = false;

  const fit = () => {
    // Browsers that do not size a field by its content get its height here.
    if (CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${String(field.scrollHeight)}px`;
  };
  const send = () => {
    const wanted = oneLine(field.value);
    const caret = field.selectionStart - (field.value.length - wanted.length);
    if (wanted !== field.value) {
      field.value = wanted;
      field.setSelectionRange(caret, caret);
    }
    const change = diffText(text.toJSON(), wanted, caret);
    if (change === null) return;
    text.doc?.transact(() => {
      if (change.removed > 0) text.delete(change.at, change.removed);
      if (change.inserted !== "") text.insert(change.at, change.inserted);
    }, origin);
  };
  let typing = false;
  const receive = (event: Y.YTextEvent) => {
    onChange?.();
    // A text under composition must not change beneath it; compositionend brings both together.
    if (typing || composing) return;
    const { selectionStart, selectionEnd, selectionDirection } = field;
    field.value = text.toJSON();
    field.setSelectionRange(
      moveThrough(event.delta, selectionStart),
      moveThrough(event.delta, selectionEnd),
      selectionDirection,
    );
    fit();
  };
  const type = (write: () => void) => {
    typing = true;
    write();
    typing = false;
  };

  field.value = text.toJSON();
  onChange?.();
  fit();
  text.observe(receive);
  field.addEventListener("input", (event) => {
    fit();
    if (!composing && !(event instanceof InputEvent && event.isComposing)) type(send);
  }, { signal });
  let beforeComposition = "";
  field.addEventListener("compositionstart", () => {
    composing = true;
    beforeComposition = text.toJSON();
  }, { signal });
  field.addEventListener("compositionend", () => {
    composing = false;
    const change = diffText(beforeComposition, oneLine(field.value), field.selectionStart);
    if (change !== null) {
      const length = text.length;
      const at = Math.min(change.at, length);
      type(() =>
        text.doc?.transact(() => {
          const removed = Math.min(change.removed, length - at);
          if (removed > 0) text.delete(at, removed);
          if (change.inserted !== "") text.insert(at, change.inserted);
        }, origin),
      );
    }
    if (field.value !== text.toJSON()) field.value = text.toJSON();
  }, { signal });
  field.addEventListener("beforeinput", (event) => {
    if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return;
    event.preventDefault();
    if (event.inputType === "historyUndo") undo.undo();
    else undo.redo();
  }, { signal });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const mod = event.ctrlKey || event.metaKey;
    if (event.key === "Enter" || (event.key === "ArrowDown" && field.selectionEnd === field.value.length)) {
      event.preventDefault();
      onLeave();
    } else if (mod && !event.altKey && event.key.toLowerCase() === "z") {
      event.preventDefault();
      if (event.shiftKey) undo.redo();
      else undo.undo();
    } else if (mod && !event.altKey && event.key.toLowerCase() === "y") {
      event.preventDefault();
      undo.redo();
    }
  }, { signal });
  return () => {
    untie.abort();
    text.unobserve(receive);
  };
}
