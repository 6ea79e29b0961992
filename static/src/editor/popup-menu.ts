import { buildElement, icon } from "./build-element";
import { addPanel, placePanel } from "./place-panel";

export interface MenuItem {
  readonly name: string;
  readonly label: string;
  readonly icon: string;
  readonly keys?: string;
  readonly run: () => void;
}

export interface MenuGroup {
  readonly label: string;
  readonly items: readonly MenuItem[];
}

/** Opens a menu below its button. Arrows move, Escape closes and gives the focus back. */
export function openMenu(trigger: HTMLElement, label: string, groups: readonly MenuGroup[], onClose: () => void): void {
  const menu = buildElement("div", {
    class: "palette popup-menu",
    attributes: { role: "menu", "aria-label": label },
  });
  const close = (giveBack: boolean) => {
    document.removeEventListener("pointerdown", outside, true);
    menu.remove();
    trigger.setAttribute("aria-expanded", "false");
    onClose();
    if (giveBack) trigger.focus();
  };
  const outside = (event: PointerEvent) => {
    if (event.target instanceof Node && !menu.contains(event.target) && !trigger.contains(event.target)) close(false);
  };
  for (const group of groups) {
    menu.append(
      buildElement("div", {
        class: "palette-group",
        attributes: { role: "group", "aria-label": group.label },
        children: [
          buildElement("div", { class: "palette-heading", text: group.label, attributes: { "aria-hidden": "true" } }),
          ...group.items.map((item) => {
            const button = buildElement("button", {
              class: "palette-item",
              attributes: { type: "button", role: "menuitem", tabindex: "-1", "data-action": item.name },
              children: [
                icon(item.icon),
                buildElement("span", { class: "palette-name", text: item.label }),
                ...(item.keys === undefined ? [] : [buildElement("kbd", { class: "palette-keys", text: item.keys })]),
              ],
            });
            button.addEventListener("click", () => {
              close(false);
              item.run();
            });
            return button;
          }),
        ],
      }),
    );
  }
  menu.addEventListener("keydown", (event) => {
    const buttons = [...menu.querySelectorAll<HTMLButtonElement>("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to: Readonly<Record<string, number>> = {
      ArrowDown: (at + 1) % buttons.length,
      ArrowUp: (at - 1 + buttons.length) % buttons.length,
      Home: 0,
      End: buttons.length - 1,
    };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      buttons[next]?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      close(true);
    }
  });
  document.addEventListener("pointerdown", outside, true);
  addPanel(menu);
  trigger.setAttribute("aria-expanded", "true");
  void placePanel(menu, trigger, "bottom-start");
  menu.querySelector<HTMLButtonElement>("button")?.focus();
}
