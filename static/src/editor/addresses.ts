const safeSchemes = new Set(["http", "https", "mailto"]);

/**
 * May this address stand in a link? True for http, https, mailto and addresses without a scheme.
 * Control characters and spaces are dropped first, because browsers drop them too ("java\nscript:").
 */
export function isSafeAddress(address: string): boolean {
  const seen = address.replace(/[\u0000-\u0020\u007f-\u00a0\u1680\u180e\u2000-\u2029\u205f\u3000]/g, "");
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(seen)?.[1];
  return scheme === undefined || safeSchemes.has(scheme.toLowerCase());
}

/** What a person typed as an address, made whole: "quillroom.org" becomes "https://quillroom.org". */
export function completeAddress(typed: string): string | null {
  const address = typed.trim();
  if (address === "" || !isSafeAddress(address)) return null;
  if (/^[a-z][a-z0-9+.-]*:/i.test(address) || /^[/#?.]/.test(address)) return address;
  if (/^[^\s@/]+@[^\s@/]+\.[^\s@/]+$/.test(address)) return `mailto:${address}`;
  return `https://${address}`;
}
