/** Arrow keys move between the buttons of a toolbar, of which one can be reached with Tab; Escape leaves it. */
export function watchToolbarKeys(panel: HTMLElement, leave: () => void): void {
  const buttons = () => [...panel.querySelectorAll<HTMLButtonElement>("button")];
  for (const [index, button] of buttons().entries()) button.tabIndex = index === 0 ? 0 : -1;
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      leave();
      return;
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const all = buttons();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const next = all[(at + step + all.length) % all.length];
    for (const button of all) button.tabIndex = button === next ? 0 : -1;
    next?.focus();
  });
}

/** Puts the focus on the button of a toolbar that Tab would reach. */
export function enterToolbar(panel: HTMLElement): void {
  panel.querySelector<HTMLButtonElement>('button[tabindex="0"]')?.focus();
}
