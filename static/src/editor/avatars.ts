import type { Awareness } from "y-protocols/awareness";
import { initials, peopleHere, type Person } from "../live/presence";
import { clockWords } from "../ui/times";
import type { Announcer } from "./announcer";
import { buildElement, icon } from "./build-element";
import { Following } from "./following";
import { say } from "./words";

const mostShown = 5;

export interface PeoplePlaces {
  readonly list: HTMLElement;
  readonly content: HTMLElement;
  readonly title: HTMLElement;
}

function labelOf(person: Person): string {
  const { name } = person;
  if (person.idle) return say("presence.idle", { name });
  return person.inTitle ? say("presence.inTitle", { name }) : name;
}

function activityOf(person: Person): string {
  if (!person.idle) return say("presence.now");
  if (person.awaySince === null) return say("presence.away");
  return say("presence.awaySince", { time: clockWords(new Date(person.awaySince)) });
}

function factsOf(person: Person): string {
  const facts = [activityOf(person)];
  if (person.role !== null) facts.unshift(say(`presence.role.${person.role}`));
  if (person.device !== null) facts.push(say(`presence.device.${person.device}`));
  return facts.join(" · ");
}

function menuItem(label: string, iconName: string, onPress: () => void): HTMLButtonElement {
  const button = buildElement("button", {
    class: "menu-item",
    attributes: { type: "button" },
    children: [icon(iconName), buildElement("span", { class: "menu-item-label", text: label })],
  });
  button.addEventListener("click", onPress);
  return button;
}

/** Who else is here: an avatar for each, which leads to their caret and tells about them. */
class PeopleHere {
  readonly #awareness: Awareness;
  readonly #places: PeoplePlaces;
  readonly #announcer: Announcer;
  readonly #following: Following;
  readonly #items = new Map<string, { readonly item: HTMLLIElement; shown: string }>();
  #known: ReadonlyMap<string, string> | null = null;

  constructor(awareness: Awareness, places: PeoplePlaces, announcer: Announcer) {
    this.#awareness = awareness;
    this.#places = places;
    this.#announcer = announcer;
    this.#following = new Following(awareness, places.content, () => {
      this.show();
    });
  }

  show(): void {
    const people = peopleHere(this.#awareness.getStates(), this.#awareness.clientID);
    const visible = people.length > mostShown ? people.slice(0, mostShown) : people;
    const items = visible.map((person) => this.#item(person));
    for (const id of [...this.#items.keys()]) if (!visible.some((person) => person.id === id)) this.#items.delete(id);
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
    const { list } = this.#places;
    // Moving an element closes its menu and takes its focus.
    if (items.length !== list.children.length || items.some((item, at) => list.children[at] !== item)) {
      list.replaceChildren(...items);
    }
    this.#announce(people);
  }

  #announce(people: readonly Person[]): void {
    const others = new Map(people.map((person) => [person.id, person.name]));
    if (this.#known !== null) {
      for (const [id, name] of others) {
        if (!this.#known.has(id)) this.#announcer.announce(id, say("presence.came", { name }));
      }
      for (const [id, name] of this.#known) {
        if (!others.has(id)) this.#announcer.announce(id, say("presence.left", { name }));
      }
    }
    this.#known = others;
  }

  #item(person: Person): HTMLLIElement {
    let known = this.#items.get(person.id);
    if (known === undefined) {
      known = { item: buildElement("li"), shown: "" };
      this.#items.set(person.id, known);
    }
    const followed = this.#following.person === person.id;
    const shown = JSON.stringify([person, followed]);
    if (shown !== known.shown) {
      known.shown = shown;
      this.#draw(known.item, person, followed);
    }
    return known.item;
  }

  #draw(item: HTMLLIElement, person: Person, followed: boolean): void {
    const label = labelOf(person);
    item.className = `avatar presence-${String(person.colour)}`;
    item.title = label;
    item.dataset["userId"] = person.id;
    item.dataset["idle"] = String(person.idle);
    item.dataset["inTitle"] = String(person.inTitle);
    item.dataset["followed"] = String(followed);
    const wasOpen = item.querySelector("details")?.open === true;
    const focused = item.contains(document.activeElement) ? document.activeElement?.tagName : undefined;
    const summary = buildElement("summary", {
      class: "avatar-button",
      children: [
        buildElement("span", { text: initials(person.name), attributes: { "aria-hidden": "true" } }),
        buildElement("span", { class: "visually-hidden", text: label }),
      ],
    });
    const card = buildElement("div", {
      class: "menu-panel person-card",
      attributes: { "data-menu-panel": "" },
      children: [
        buildElement("p", { class: "person-name", text: person.name }),
        buildElement("p", { class: "person-facts", text: factsOf(person) }),
        menuItem(say("presence.goTo"), "person-place", () => {
          this.#goTo(person);
        }),
        followed
          ? menuItem(say("presence.stopFollowing"), "person-stop", () => {
              this.#following.stop();
            })
          : menuItem(say("presence.follow"), "person-follow", () => {
              this.#following.follow(person.id);
              this.#announcer.announce(person.id, say("presence.followed", { name: person.name }));
            }),
      ],
    });
    const menu = buildElement("details", {
      class: "menu person",
      attributes: { "data-menu": "" },
      children: [summary, card],
    });
    summary.addEventListener("click", () => {
      if (!menu.open) this.#goTo(person);
    });
    menu.open = wasOpen;
    item.replaceChildren(menu);
    if (focused === "SUMMARY") summary.focus();
    else if (focused !== undefined) card.querySelector("button")?.focus();
  }

  #goTo(person: Person): void {
    const carets = person.clients.map((client) =>
      this.#places.content.querySelector<HTMLElement>(`.caret[data-client="${String(client)}"]`),
    );
    const caret = carets.find((each) => each !== null);
    const place = caret ?? (person.inTitle ? this.#places.title : null);
    if (place === null) {
      this.#announcer.announce(person.id, say("presence.nowhere", { name: person.name }));
      return;
    }
    place.scrollIntoView({ block: "center", behavior: "smooth" });
    if (caret) caret.dataset["named"] = "true";
  }
}

/** Shows who else is here, and says who comes and goes. */
export function showAvatars(awareness: Awareness, places: PeoplePlaces, announcer: Announcer): void {
  const people = new PeopleHere(awareness, places, announcer);
  awareness.on("change", () => {
    people.show();
  });
  people.show();
}
