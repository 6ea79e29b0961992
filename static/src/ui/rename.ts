/**
 * [data-rename-open="form id"] turns a row into its rename form, in place. Enter saves, Escape leaves all as
 * it was, and focus goes back to the title. The list may be morphed meanwhile: the form keeps what is typed.
 */
export function watchRenaming(): void {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest<HTMLElement>("[data-rename-open]");
    const cancel = event.target.closest("[data-rename-cancel]");
    if (opener) {
      event.preventDefault();
      open(opener.dataset["renameOpen"] ?? "");
    } else if (cancel) {
      event.preventDefault();
      close(rowOf(cancel), "reset");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-rename-form]")) return;
    if (event.key !== "Escape") return;
    event.preventDefault();
    close(rowOf(event.target), "reset");
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (!sourceElement.matches("[data-rename-form]") || !response || response.status >= 400) return;
    close(rowOf(sourceElement), "keep");
  });
}

function rowOf(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>("[data-document]");
}

function open(formId: string): void {
  const form = document.getElementById(formId);
  const row = form && rowOf(form);
  const field = form?.querySelector<HTMLInputElement>('input[name="title"]');
  if (!row || !field) return;
  for (const other of document.querySelectorAll<HTMLElement>("[data-renaming]")) close(other, "reset");
  field.value = field.defaultValue;
  row.dataset["renaming"] = "";
  field.focus();
  field.select();
}

function close(row: HTMLElement | null, words: "keep" | "reset"): void {
  if (row?.dataset["renaming"] === undefined) return;
  delete row.dataset["renaming"];
  if (words === "reset") row.querySelector<HTMLFormElement>("[data-rename-form]")?.reset();
  row.querySelector<HTMLElement>("[data-rename-label]")?.focus();
}
