/**
 * [data-made] is where a form shows what it has made, a link to hand on for instance. What comes takes the focus
 * to its button, because the button that made it has gone; another choice in the form takes it away again,
 * because it was not made from that one. A form marked [data-resets] is as the server drew it after each answer:
 * empty for the next, or with what it refused. [data-lasts-with="id"] in what was made goes when the element of that id
 * has gone: the invitation was used, or taken back.
 */
export function watchMade(): void {
  document.addEventListener("htmx:after:swap", (event) => {
    for (const made of document.querySelectorAll<HTMLElement>("[data-lasts-with]")) {
      if (!document.getElementById(made.dataset["lastsWith"] ?? "")) made.remove();
    }
    const form = event.detail.ctx.sourceElement;
    if (form instanceof HTMLFormElement && form.matches("[data-resets]")) form.reset();
    form.querySelector<HTMLElement>(":scope > [data-made] button")?.focus();
  });
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof Element)) return;
    event.target.closest("form")?.querySelector(":scope > [data-made]")?.replaceChildren();
  });
}
