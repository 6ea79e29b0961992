/** <select data-submits> sends its form when another option is chosen; its button goes. */
export function submitChoices(): void {
  for (const choice of document.querySelectorAll<HTMLSelectElement>("select[data-submits]")) {
    choice.dataset["submits"] = "ready";
    choice.addEventListener("change", () => {
      choice.form?.requestSubmit();
    });
  }
}
