/** What became of a piece of pasted HTML: the markup to insert, and the pictures to upload. */
export interface PastedImages {
  readonly html: string;
  readonly files: readonly File[];
}

/** The bytes of a data: address as a file, or null when it is no picture or not readable. */
export function fileOfDataAddress(address: string, name: string): File | null {
  const [, type, encoding, data] = /^data:(image\/[a-z0-9.+-]+)(?:;[^,;]+)*?(;base64)?,(.*)$/is.exec(address) ?? [];
  if (type === undefined || data === undefined) return null;
  try {
    const text = encoding === undefined ? decodeURIComponent(data) : atob(data.replace(/\s+/g, ""));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const ending = type.slice("image/".length).replace("jpeg", "jpg").replace(/\+.*$/, "");
    return new File([bytes], `${name}.${ending}`, { type: type.toLowerCase() });
  } catch {
    return null;
  }
}

/**
 * Takes the pictures out of pasted HTML. Bytes in the markup become files to upload; a picture of another
 * site, which this page's policy would not show, becomes a link to it; one of this server stays.
 */
export function takeImages(html: string, origin: string): PastedImages {
  if (!/<img\b/i.test(html)) return { html, files: [] };
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const files: File[] = [];
  for (const image of parsed.querySelectorAll("img")) {
    const source = image.getAttribute("src") ?? "";
    const name = image.alt.trim() || "image";
    if (/^data:/i.test(source)) {
      const file = fileOfDataAddress(source, name.slice(0, 60));
      if (file !== null) files.push(file);
      image.remove();
      continue;
    }
    const address = URL.canParse(source, origin) ? new URL(source, origin) : null;
    if (address?.origin === origin && address.pathname.startsWith("/assets/")) {
      image.setAttribute("src", address.pathname);
    } else if (address !== null && /^https?:$/.test(address.protocol)) {
      const link = parsed.createElement("a");
      link.href = address.href;
      link.textContent = image.alt.trim() || address.href;
      // A space keeps the address from running into the words behind it.
      image.replaceWith(link, " ");
    } else {
      image.remove();
    }
  }
  return { html: parsed.body.innerHTML, files };
}
