/**
 * [data-made] is where a form shows what it has made, a link to hand on for instance. What comes takes the focus
 * to its button, because the button that made it has gone; another choice in the form takes it away again,
 * because it was not made from that one.
 */
export function watchMade(): void {
  document.addEventListener("htmx:after:swap", (event) => {
    event.detail.ctx.sourceElement.querySelector<HTMLElement>(":scope > [data-made] button")?.focus();
  });
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof Element)) return;
    event.target.closest("form")?.querySelector(":scope > [data-made]")?.replaceChildren();
  });
}
