import htmx from "htmx.org";

const shownMilliseconds = 8000;
const mostAtOnce = 3;

/**
 * Short messages at the foot of the page. A form marked [data-toast] brings the words of its success in a
 * <template data-toast-content>, an undo form with it where there is one; a refusal shows the server's sentence.
 */
export function watchToasts(): void {
  // After the answer and before the swap: by then the row with its template may be gone.
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (!response || response.status >= 400) return;
    // A form inside of a toast has done what it offered.
    sourceElement.closest(".toast")?.remove();
    if (!sourceElement.matches("[data-toast]")) return;
    const content = sourceElement.querySelector<HTMLTemplateElement>("template[data-toast-content]")?.content;
    if (content) show(content.cloneNode(true));
  });
  document.addEventListener("htmx:response:error", (event) => {
    show(refusal(event.detail.ctx.text ?? "") ?? failure());
  });
  document.addEventListener("htmx:error", (event) => {
    // A live refresh that found no server says nothing: the next event, or the reconnection, repeats it.
    if (event.detail.ctx?.request.method !== "GET") show(failure());
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-toast-dismiss]")) {
      event.target.closest(".toast")?.remove();
    }
  });
}

export function showToast(sentence: string): void {
  const words = document.createElement("p");
  words.textContent = sentence;
  show(words);
}

/** A sentence, and with `action` a button that does something about it. */
export function showToastWithAction(sentence: string, action?: { label: string; act: () => void }): void {
  const content = document.createDocumentFragment();
  content.append(Object.assign(document.createElement("p"), { textContent: sentence }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { className: "toast-action", textContent: action.label });
    button.type = "button";
    button.addEventListener("click", () => {
      button.closest(".toast")?.remove();
      action.act();
    });
    content.append(button);
  }
  show(content);
}

/** The sentence and the way out of an error page; none if the answer was something else. */
function refusal(page: string): Node | undefined {
  const parsed = new DOMParser().parseFromString(page, "text/html");
  const sentence = parsed.querySelector("[data-error-detail]")?.textContent.trim();
  if (!sentence) return undefined;
  const content = document.createDocumentFragment();
  content.append(Object.assign(document.createElement("p"), { textContent: sentence }));
  const way = parsed.querySelector<HTMLAnchorElement>("a[data-error-action]");
  const address = way?.getAttribute("href");
  if (way && address?.startsWith("/")) {
    const link = Object.assign(document.createElement("a"), { className: "toast-action", textContent: way.textContent });
    link.setAttribute("href", address);
    content.append(link);
  }
  return content;
}

function failure(): Node {
  const template = document.querySelector<HTMLTemplateElement>("#toast-failed");
  return template ? template.content.cloneNode(true) : document.createDocumentFragment();
}

function show(content: Node): void {
  const region = document.querySelector<HTMLElement>("[data-toasts]");
  const shell = document.querySelector<HTMLTemplateElement>("#toast-shell")?.content.firstElementChild;
  if (!region || !shell) return;
  const toast = shell.cloneNode(true);
  if (!(toast instanceof HTMLElement)) return;
  toast.querySelector(".toast-content")?.append(content);
  bringToTop(region);
  region.append(toast);
  // The oldest give way: nobody reads a tower of messages.
  while (region.childElementCount > mostAtOnce) region.firstElementChild?.remove();
  htmx.process(toast);
  leaveInTime(toast);
}

/** Everything outside of an open dialog is dimmed and out of reach, so the messages move into it while it is open. */
function bringToTop(region: HTMLElement): void {
  const dialog = document.querySelector<HTMLDialogElement>("dialog[open]");
  const host = dialog ?? document.body;
  if (region.parentElement === host) return;
  host.append(region);
  dialog?.addEventListener("close", () => { document.body.append(region); }, { once: true });
}

/** Goes by itself, but not while a pointer or focus is on it: somebody may be about to undo. */
function leaveInTime(toast: HTMLElement): void {
  const leave = () => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, shownMilliseconds / 4);
    else toast.remove();
  };
  setTimeout(leave, shownMilliseconds);
}
