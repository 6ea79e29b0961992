import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { compareWords } from "./compare";
import type { Drift } from "./resolve";

/** What changed in the document since a block was adapted, with the changed words marked. */
export function drawDrift(drift: NonNullable<Drift>, heading: string, deeds: readonly HTMLElement[]): HTMLElement {
  const words = compareWords(drift.was, drift.now).map(({ kind, text }) =>
    kind === "same" ? text : buildElement(kind === "added" ? "ins" : "del", { text }),
  );
  return buildElement("div", {
    class: "variant-drift",
    attributes: { role: "group", "aria-label": heading },
    children: [
      buildElement("p", { class: "variant-drift-heading", text: heading }),
      buildElement("p", { class: "variant-drift-words", attributes: { dir: "auto", "aria-label": say("variant.drift.was"), role: "group" }, children: words }),
      buildElement("div", { class: "variant-deeds", children: deeds }),
    ],
  });
}
