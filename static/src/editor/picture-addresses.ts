const stored = "/assets/";

/**
 * Where this page finds a picture of ours. Pages of people without an account have an address of their own for them:
 * [data-pictures] at the editor.
 */
export function shownAt(source: string | null): string | null {
  const place = placeOfPictures();
  return place !== undefined && source?.startsWith(stored) ? place + source.slice(stored.length) : source;
}

/** What stands in the document for a picture that this page shows from there. */
export function storedAs(source: string | null): string | null {
  const place = placeOfPictures();
  return place !== undefined && source?.startsWith(place) ? stored + source.slice(place.length) : source;
}

function placeOfPictures(): string | undefined {
  // The schema is also used where there is no page: by what holds it to the server's.
  if (typeof document === "undefined") return undefined;
  return document.querySelector<HTMLElement>("#editor")?.dataset["pictures"];
}
