import { DOMSerializer, type Node } from "@tiptap/pm/model";

/**
 * Puts words on the clipboard, as plain text. Where the clipboard interface is missing (see below), a field in
 * `place` is selected and copied; the focus is then for the caller to give back. Returns whether it worked.
 */
export async function copyWords(words: string, place: HTMLElement): Promise<boolean> {
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard !== undefined) {
    const written = await clipboard.writeText(words).then(
      () => true,
      () => false,
    );
    if (written) return true;
  }
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = words;
  place.append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

/**
 * Puts the whole text on the clipboard, as formatted and as plain text. The clipboard interface is missing on
 * a plain http address of a self-hosted server, so the old way is there too. Returns whether it worked.
 */
export async function copyText(title: string, document_: Node): Promise<boolean> {
  const plain = `${title}\n\n${document_.textBetween(0, document_.content.size, "\n\n", "\n")}`;
  const box = document.createElement("div");
  const heading = box.appendChild(document.createElement("h1"));
  heading.textContent = title;
  box.append(DOMSerializer.fromSchema(document_.type.schema).serializeFragment(document_.content));
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard !== undefined && "ClipboardItem" in window) {
    try {
      await clipboard.write([
        new ClipboardItem({
          "text/html": new Blob([box.innerHTML], { type: "text/html" }),
          "text/plain": new Blob([plain], { type: "text/plain" }),
        }),
      ]);
      return true;
    } catch (problem) {
      // Refused by the browser or the person: the old way may still be allowed.
      if (!(problem instanceof DOMException)) throw problem;
    }
  }
  let copied = false;
  const give = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/html", box.innerHTML);
    event.clipboardData?.setData("text/plain", plain);
    event.preventDefault();
    event.stopImmediatePropagation();
    copied = true;
  };
  document.addEventListener("copy", give, true);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
  document.execCommand("copy");
  document.removeEventListener("copy", give, true);
  return copied;
}
