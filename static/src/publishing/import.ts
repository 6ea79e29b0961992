/**
 * [data-import]: sends the file that was chosen, or dropped on the form, as it is: which letters it is written in, and
 * what stands between its cells, is found out by the server. Without a file the form sends what was pasted.
 */
export function watchImport(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-import]");
  const input = form?.querySelector<HTMLInputElement>("[data-import-file]");
  if (!form || !input) return;

  form.addEventListener("submit", (event) => {
    const file = input.files?.[0];
    if (!file) return;
    event.preventDefault();
    // The server would end the connection before it was sent whole, and its words would not arrive.
    if (file.size > Number(input.dataset["most"])) say(form, input.dataset["tooLarge"] ?? "");
    else void send(form, file);
  });
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.setAttribute("data-over", "");
  });
  form.addEventListener("dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node && form.contains(event.relatedTarget))) form.removeAttribute("data-over");
  });
  form.addEventListener("drop", (event) => {
    form.removeAttribute("data-over");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
  });
  input.addEventListener("change", () => {
    say(form, "");
  });
}

async function send(form: HTMLFormElement, file: File): Promise<void> {
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "";
  const zone = form.querySelector<HTMLSelectElement>("[name=zone]")?.value ?? "";
  const asked = new URLSearchParams({ zone, name: file.name });
  say(form, "");
  button?.setAttribute("aria-busy", "true");
  button?.setAttribute("disabled", "");
  try {
    const answer = await fetch(`${form.action}?${asked.toString()}`, {
      method: "POST",
      body: file,
      headers: { "Content-Type": "text/csv", "X-CSRF-Token": csrf, Accept: "text/html" },
    });
    if (answer.ok) {
      location.assign(answer.url);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const words = [...page.querySelectorAll("[data-import-error]:not([hidden]), .field-error, .notice, [data-error-detail]")];
    const said = words.map((each) => each.textContent.trim()).find((each) => each !== "");
    say(form, said ?? "The file was not taken. Reload the page and try again.");
  } catch {
    say(form, "The server could not be reached, or the file changed meanwhile. Choose it again and try once more.");
  }
  button?.removeAttribute("aria-busy");
  button?.removeAttribute("disabled");
}

function say(form: HTMLFormElement, words: string): void {
  const place = form.querySelector<HTMLElement>("[data-import-error]");
  if (!place) return;
  place.hidden = words === "";
  const text = place.querySelector("span");
  if (text) text.textContent = words;
}
