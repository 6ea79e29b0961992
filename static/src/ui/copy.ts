import { showToast } from "./toast";

const shownMilliseconds = 2000;

/**
 * [data-copy] puts its text on the clipboard; an address that begins with / is completed with this site's.
 * [data-copied] is what it then says: a menu item, which closes, in a toast, any other button in itself.
 * [data-select-all] fields select their text when focused, for people whose browser does not let us copy.
 */
export function watchCopying(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
    if (button) void copy(button);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches("[data-select-all]")) event.target.select();
  });
}

async function copy(button: HTMLElement): Promise<void> {
  const text = button.dataset["copy"] ?? "";
  const words = button.dataset["copied"] ?? "";
  const whole = text.startsWith("/") ? new URL(text, location.origin).href : text;
  if (!(await write(whole))) {
    // Shown instead, to be copied by hand: a clipboard is only open to pages on https or localhost.
    showToast(whole);
    return;
  }
  if (button.matches(".menu-item")) {
    showToast(words);
    return;
  }
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  if (before === words) return;
  label.textContent = words;
  setTimeout(() => {
    label.textContent = before;
  }, shownMilliseconds);
}

async function write(text: string): Promise<boolean> {
  // Absent where the page is not on https or localhost, whatever the types say.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (!clipboard) return false;
  return clipboard.writeText(text).then(
    () => true,
    () => false,
  );
}
