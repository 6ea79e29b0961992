/** Writes the keys as this keyboard has them: [data-mod-key] is ⌘ on Apple's, Ctrl elsewhere. */
export function markModifierKeys(): void {
  if (!/Mac|iPhone|iPad/.test(navigator.userAgent)) return;
  for (const key of document.querySelectorAll("[data-mod-key]")) key.textContent = "⌘";
}
