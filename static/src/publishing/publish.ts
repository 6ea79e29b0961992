/** .publish-form: an account that is chosen shows how the post will look there; what people then open or close stays. */
export function watchPublishing(): void {
  document.querySelector(".publish-form")?.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.name.startsWith("account-")) return;
    const preview = box.closest(".publish-account")?.querySelector<HTMLDetailsElement>("details.publish-preview");
    if (preview) preview.open = box.checked;
  });
}
