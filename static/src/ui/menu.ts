/**
 * [data-menu] is a <details> that opens without script. Here it gets the rest of what a menu does: one open
 * at a time, arrow keys, Home and End, Escape back to its button, closing on a choice or a click elsewhere.
 */
export function watchMenus(): void {
  document.addEventListener("toggle", whenToggled, true);
  document.addEventListener("click", (event) => {
    const within = event.target instanceof Element ? event.target.closest("[data-menu]") : null;
    const chose = event.target instanceof Element && event.target.closest(".menu-item") !== null;
    for (const menu of openMenus()) if (menu !== within || chose) close(menu, chose);
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", whenKeyed);
}

function openMenus(): HTMLDetailsElement[] {
  return [...document.querySelectorAll<HTMLDetailsElement>("[data-menu][open]")];
}

function close(menu: HTMLDetailsElement, giveFocusBack: boolean): void {
  // What was chosen may have moved focus already, to a dialog or a field.
  const hadFocus = menu.contains(document.activeElement);
  menu.open = false;
  if (giveFocusBack && hadFocus) menu.querySelector("summary")?.focus();
}

function itemsOf(menu: HTMLElement): HTMLElement[] {
  const found = menu.querySelectorAll<HTMLElement>("[data-menu-panel] :is(a[href], button:not([disabled]))");
  return [...found].filter((item) => item.checkVisibility());
}

/** Near the lower edge the panel opens upwards. */
function whenToggled(event: Event): void {
  const menu = event.target;
  if (!(menu instanceof HTMLDetailsElement) || !menu.matches("[data-menu]")) return;
  menu.removeAttribute("data-above");
  const panel = menu.querySelector("[data-menu-panel]");
  if (!menu.open || !panel) return;
  const box = panel.getBoundingClientRect();
  const roomAbove = menu.getBoundingClientRect().top;
  menu.toggleAttribute("data-above", box.bottom > window.innerHeight && roomAbove > box.height);
}

function whenKeyed(event: KeyboardEvent): void {
  const menu = event.target instanceof Element ? event.target.closest<HTMLDetailsElement>("[data-menu]") : null;
  if (!menu || event.altKey || event.ctrlKey || event.metaKey) return;
  const onButton = document.activeElement?.tagName === "SUMMARY";
  if (event.key === "Escape" && menu.open) {
    event.preventDefault();
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary")?.focus();
    return;
  }
  if (onButton && (event.key === "ArrowDown" || event.key === "ArrowUp")) menu.open = true;
  if (!menu.open) return;
  const items = itemsOf(menu);
  const at = items.findIndex((item) => item === document.activeElement);
  const next = nextPlace(event.key, at, items.length);
  if (next === undefined) return;
  event.preventDefault();
  items[next]?.focus();
}

function nextPlace(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case "ArrowDown":
      return (at + 1) % count;
    case "ArrowUp":
      return at <= 0 ? count - 1 : at - 1;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
