import type { Awareness } from "y-protocols/awareness";
import { initials, peopleHere, type Person } from "../live/presence";
import type { Announcer } from "./announcer";
import { buildElement } from "./build-element";
import { say } from "./words";

const mostShown = 5;

function avatar(person: Person): HTMLLIElement {
  const { name } = person;
  const label = person.idle ? say("presence.idle", { name }) : person.inTitle ? say("presence.inTitle", { name }) : name;
  return buildElement("li", {
    class: `avatar presence-${String(person.colour)}`,
    attributes: {
      title: label,
      "data-user-id": person.id,
      "data-idle": String(person.idle),
      "data-in-title": String(person.inTitle),
    },
    children: [
      buildElement("span", { text: initials(name), attributes: { "aria-hidden": "true" } }),
      buildElement("span", { class: "visually-hidden", text: label }),
    ],
  });
}

/** Shows who else is here, and says who comes and goes. */
export function showAvatars(awareness: Awareness, list: HTMLElement, announcer: Announcer): void {
  let known: ReadonlyMap<string, string> | null = null;
  let shown = "";
  const show = () => {
    const people = peopleHere(awareness.getStates(), awareness.clientID);
    const key = JSON.stringify(people);
    if (key === shown) return;
    shown = key;
    const visible = people.length > mostShown ? people.slice(0, mostShown) : people;
    const items = visible.map(avatar);
    const hidden = people.slice(visible.length);
    if (hidden.length > 0) {
      const names = hidden.map((person) => person.name).join(", ");
      items.push(
        buildElement("li", {
          class: "avatar avatar-more",
          text: say("presence.more", { count: hidden.length }),
          attributes: { title: names, "data-more": String(hidden.length) },
        }),
      );
    }
    list.replaceChildren(...items);
    const others = new Map(people.map((person) => [person.id, person.name]));
    if (known !== null) {
      for (const [id, name] of others) if (!known.has(id)) announcer.announce(id, say("presence.came", { name }));
      for (const [id, name] of known) if (!others.has(id)) announcer.announce(id, say("presence.left", { name }));
    }
    known = others;
  };
  awareness.on("change", show);
  show();
}
