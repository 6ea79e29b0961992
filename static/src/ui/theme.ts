type Theme = "system" | "light" | "dark";

const oneYearSeconds = 365 * 24 * 60 * 60;

/**
 * Lets a person choose light, dark or what the system says: [data-theme-value] buttons and Mod+Shift+L.
 * Kept in a cookie and not in localStorage, so that the server writes it into <html> and no page
 * flashes in the other colours before its script runs.
 */
export function watchTheme(): void {
  show(chosen());
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-theme-value]") : null;
    if (button) choose(asTheme(button.dataset["themeValue"]));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "l" || !event.shiftKey || event.altKey || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    choose(isDark() ? "light" : "dark");
  });
}

function asTheme(value: string | undefined): Theme {
  return value === "light" || value === "dark" ? value : "system";
}

function chosen(): Theme {
  return asTheme(document.documentElement.dataset["theme"]);
}

function isDark(): boolean {
  const theme = chosen();
  return theme === "dark" || (theme === "system" && window.matchMedia("(prefers-color-scheme: dark)").matches);
}

function choose(theme: Theme): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const seconds = theme === "system" ? 0 : oneYearSeconds;
  document.cookie = `quillroom_theme=${theme}; Path=/; Max-Age=${String(seconds)}; SameSite=Lax${secure}`;
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  show(theme);
}

function show(theme: Theme): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-theme-value]")) {
    button.setAttribute("aria-pressed", String(button.dataset["themeValue"] === theme));
  }
  // The bar of a phone's browser follows the choice: the meta of the other theme is switched off.
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[data-theme-colour]")) {
    const own = meta.dataset["themeColour"] ?? "";
    if (theme === "system") meta.media = `(prefers-color-scheme: ${own})`;
    else meta.media = own === theme ? "all" : "not all";
  }
}
