/**
 * When a row of a [data-document] list goes away by what was done in it, its focus would fall to the top of
 * the page. It goes to the row that took its place, or to the search if there is none.
 */
export function keepPlaceInList(): void {
  let place: number | undefined;
  document.addEventListener("htmx:before:swap", (event) => {
    const row = event.detail.ctx.sourceElement.closest("[data-document]");
    place = row?.contains(document.activeElement) ? rows().indexOf(row) : undefined;
  });
  document.addEventListener("htmx:after:swap", () => {
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (place !== undefined && lost) {
      const row = rows()[Math.min(place, rows().length - 1)];
      (row?.querySelector<HTMLElement>("[data-rename-label]") ?? document.getElementById("search"))?.focus();
    }
    place = undefined;
  });
}

function rows(): Element[] {
  return [...document.querySelectorAll("[data-document]")];
}
