import { openDialog } from "./dialog";

/**
 * [data-shortcut="k"] is used by one key: a field is focused, anything else clicked. `?` lists the shortcuts.
 * Not while somebody types, and not with a modifier: those keys belong to the browser and the editor.
 */
export function watchShortcuts(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") {
      if (openDialog("shortcuts")) event.preventDefault();
      return;
    }
    const target = document.querySelector<HTMLElement>(`[data-shortcut="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!target?.checkVisibility()) return;
    event.preventDefault();
    if (target instanceof HTMLInputElement) {
      target.focus();
      target.select();
    } else {
      target.click();
    }
  });
  // In the search field Escape first empties it, which browsers do, and then leaves it.
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Escape" || !(field instanceof HTMLInputElement) || field.type !== "search") return;
    if (field.value === "") field.blur();
  });
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("input, textarea, select");
}
