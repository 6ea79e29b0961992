import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { initials } from "../live/presence";
import type { Person } from "./model";

/** A person's disc; the name stands beside it. */
export function face(person: Person | null): HTMLElement {
  return buildElement("span", {
    class: `avatar presence-${String(person?.colour ?? 0)}`,
    attributes: { "data-size": "small", "aria-hidden": "true", "data-initials": initials(person?.name ?? "?") },
  });
}

/** The name to show, also for an account that is gone. */
export function nameOf(person: Person | null): string {
  return person?.name ?? say("comments.somebody");
}
