/**
 * [data-dialog-open="id"] opens <dialog id>. The browser keeps focus inside, closes on Escape and gives
 * focus back to what had it; a click on the dimmed page closes too.
 * The opener may be the submit button of a form that does the same without script. A form marked [data-closes]
 * closes its dialog when the server has done what it asks.
 */
export function watchDialogs(): void {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest<HTMLElement>("[data-dialog-open]");
    if (opener) {
      const id = opener.dataset["dialogOpen"] ?? "";
      if (!openDialog(id)) return;
      event.preventDefault();
    } else if (event.target instanceof HTMLDialogElement && isOutside(event.target, event)) {
      event.target.close();
    }
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (!response || response.status >= 400 || !sourceElement.matches("[data-closes]")) return;
    sourceElement.closest("dialog")?.close();
  });
}

/** Says whether there was such a dialog to open. */
export function openDialog(id: string): boolean {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return false;
  if (!dialog.open) {
    // An open menu is closed first and its button focused, so that focus later returns to something visible.
    const menu = document.querySelector<HTMLDetailsElement>("[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
    dialog.showModal();
  }
  return true;
}

/** A click on the backdrop has the dialog as its target, but lies outside of its box. */
function isOutside(dialog: HTMLDialogElement, event: MouseEvent): boolean {
  const box = dialog.getBoundingClientRect();
  const inside =
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  // Enter in a field clicks the form's button at 0,0; that is no click on the backdrop.
  return !inside && event.detail > 0;
}
