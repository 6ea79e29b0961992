import htmx from "htmx.org";

/**
 * [data-visitors="document id"] shows who is in a document at this moment, and looks again when somebody came or left:
 * it hears `visits`. A list of everything is read anew by itself whenever it may have missed some.
 */
export function watchVisits(): void {
  document.body.addEventListener("quillroom:visits", (event) => {
    const id = documentOf(event instanceof CustomEvent ? event.detail : null);
    const place = id === null ? null : document.querySelector(`[data-visitors="${CSS.escape(id)}"]`);
    if (place) htmx.trigger(place, "visits");
  });
}

function documentOf(detail: unknown): string | null {
  if (typeof detail !== "object" || detail === null || !("document_id" in detail)) return null;
  return typeof detail.document_id === "string" ? detail.document_id : null;
}
