import type { Awareness } from "y-protocols/awareness";
import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { initials, peopleHere } from "../live/presence";
import type { Account } from "./page";

const mostShown = 3;

/** Tells the others which account's text this window shows. */
export function tellAccount(awareness: Awareness, account: string): void {
  awareness.setLocalStateField("channel", account);
}

/** Shows beside each account who is at work on it. */
export function showPeople(awareness: Awareness, accounts: readonly Account[]): void {
  const show = () => {
    const states = awareness.getStates();
    const people = peopleHere(states, awareness.clientID);
    for (const { id, link } of accounts) {
      const place = link.querySelector<HTMLElement>("[data-people]");
      if (!place) continue;
      const here = people.filter(({ clients }) =>
        clients.some((client) => (states.get(client) as { channel?: unknown } | undefined)?.channel === id),
      );
      const shown = here.map((person) => person.id).join(" ");
      if (place.dataset["people"] === shown) continue;
      place.dataset["people"] = shown;
      place.hidden = here.length === 0;
      place.replaceChildren(
        ...here.slice(0, mostShown).map((person) =>
          buildElement("span", {
            class: `avatar presence-${String(person.colour)}`,
            attributes: { "data-size": "small", "data-initials": initials(person.name), "aria-hidden": "true" },
          }),
        ),
        buildElement("span", { class: "visually-hidden", text: say("variant.people", { names: here.map(({ name }) => name).join(", ") }) }),
      );
    }
  };
  awareness.on("change", show);
  show();
}
