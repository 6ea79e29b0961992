const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const appleSigns: Readonly<Record<string, string>> = { Mod: "⌘", Alt: "⌥", Shift: "⇧", Ctrl: "⌃" };

/** "Mod+Shift+7" as this person's keyboard shows it: "Ctrl+Shift+7" or "⌘⇧7". */
export function keyName(keys: string): string {
  const parts = keys.split("+");
  if (apple) return parts.map((part) => appleSigns[part] ?? part).join("");
  return parts.map((part) => (part === "Mod" ? "Ctrl" : part)).join("+");
}
