import htmx from "htmx.org";

const pauseMilliseconds = 200;

/**
 * [data-sharing="id"] is the part of the Share panel that says who has a document, or a collection. It looks again when
 * somebody else changed that, asked or came in: it hears `sharing`. Nothing happens while its dialog is closed.
 */
export function watchSharing(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // One change may be told by several events.
  const look = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const part = shown();
      if (part) htmx.trigger(part, "sharing");
    }, pauseMilliseconds);
  };
  document.body.addEventListener("quillroom:members", look);
  document.body.addEventListener("quillroom:documents", (event) => {
    const part = shown();
    if (part && concerns(event instanceof CustomEvent ? event.detail : null, part.dataset["sharing"])) look();
  });
}

function shown(): HTMLElement | undefined {
  const part = document.querySelector<HTMLElement>("[data-sharing]");
  if (!part || part.closest("dialog")?.open === false) return undefined;
  return part;
}

/** How something is shared changed: this, or what is not named, because not everybody may know it. */
function concerns(detail: unknown, id: string | undefined): boolean {
  if (typeof detail !== "object" || detail === null || !("change" in detail)) return false;
  if (detail.change === "resync") return true;
  return detail.change === "shared" && (!("document_id" in detail) || detail.document_id === null || detail.document_id === id);
}
