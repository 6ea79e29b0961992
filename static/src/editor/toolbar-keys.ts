function toolsOf(panel: HTMLElement): HTMLElement[] {
  return [...panel.querySelectorAll<HTMLElement>("button, a")].filter((tool) => !tool.hidden);
}

/** Arrow keys, Home and End move between the tools of a toolbar, of which one can be reached with Tab; Escape leaves it. */
export function watchToolbarKeys(panel: HTMLElement, leave: () => void): void {
  for (const [index, tool] of toolsOf(panel).entries()) tool.tabIndex = index === 0 ? 0 : -1;
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      leave();
      return;
    }
    const all = toolsOf(panel);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all.at(to % all.length);
    for (const tool of all) tool.tabIndex = tool === next ? 0 : -1;
    next?.focus();
  });
}

/** Puts the focus on the tool of a toolbar that Tab would reach. */
export function enterToolbar(panel: HTMLElement): void {
  const all = toolsOf(panel);
  (all.find((tool) => tool.tabIndex === 0) ?? all[0])?.focus();
}
