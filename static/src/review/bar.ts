import htmx from "htmx.org";

/**
 * [data-review="document id"] shows where the document is on its way through review, and looks again when something
 * happened to the document: it hears `review`.
 */
export function watchReview(): void {
  document.body.addEventListener("quillroom:documents", (event) => {
    const bar = document.querySelector<HTMLElement>("[data-review]");
    if (!bar || !concerns(event instanceof CustomEvent ? event.detail : null, bar.dataset["review"])) return;
    // Somebody who is about to say something must not lose it.
    if (bar.querySelector("details[open]")) return;
    htmx.trigger(bar, "review");
  });
  // What was said is said; if it could not be, the words are still in there.
  document.body.addEventListener("submit", (event) => {
    const form = event.target instanceof Element ? event.target.closest("[data-review] form") : null;
    form?.closest("details")?.removeAttribute("open");
  });
}

function concerns(detail: unknown, documentId: string | undefined): boolean {
  if (typeof detail !== "object" || detail === null) return false;
  if ("change" in detail && detail.change === "resync") return true;
  return "document_id" in detail && detail.document_id === documentId;
}
