import { clockWords } from "../ui/times";

/** Inside of [data-passages] the passage that is pointed at or touched is named in [data-passage-told]. */
export function tellPassages(): void {
  const text = document.querySelector<HTMLElement>("[data-passages]");
  const told = document.querySelector<HTMLElement>("[data-passage-told]");
  if (!text || !told) return;
  let here: HTMLElement | null = null;

  const tell = (event: Event) => {
    const passage = event.target instanceof Element ? event.target.closest<HTMLElement>(".passage") : null;
    if (!passage || passage === here) return;
    here?.removeAttribute("data-here");
    here = passage;
    passage.setAttribute("data-here", "");
    const { at, by } = passage.dataset;
    const words = at ? told.dataset["words"] : told.dataset["wordsUnknown"];
    told.textContent = (words ?? "")
      .replace("{name}", passage.dataset["name"] ?? "")
      .replace("{time}", at ? clockWords(new Date(at)) : "");
    told.dataset["by"] = by ?? "";
  };

  text.addEventListener("pointerover", tell);
  text.addEventListener("click", tell);
}
