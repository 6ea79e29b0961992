/** The buttons [data-step="1"] and [data-step="-1"] lead from change to change, round and round. */
export function stepThroughChanges(): void {
  const tools = document.querySelector<HTMLElement>("[data-steps]");
  const place = tools?.querySelector<HTMLElement>("[data-step-place]");
  const changes = [...document.querySelectorAll<HTMLElement>(".change")];
  if (!tools || !place || changes.length === 0) return;
  let at = -1;

  const step = (by: number) => {
    changes[at]?.removeAttribute("data-here");
    at = at < 0 && by < 0 ? changes.length - 1 : (at + by + changes.length) % changes.length;
    const change = changes[at];
    change?.setAttribute("data-here", "");
    change?.scrollIntoView({ block: "center" });
    change?.focus({ preventScroll: true });
    place.textContent = `${String(at + 1)} of ${String(changes.length)}`;
  };

  for (const button of tools.querySelectorAll<HTMLElement>("[data-step]")) {
    button.addEventListener("click", () => {
      step(Number(button.dataset["step"]));
    });
  }
}
