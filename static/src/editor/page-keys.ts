import type { Announcer } from "./announcer";
import { say } from "./words";

/** Keys that act on the page and not on the text. */
export function watchPageKeys(announcer: Announcer, hint: (sentence: string) => void): void {
  window.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "s") return;
    // Habit, not a wish to download the page.
    event.preventDefault();
    hint(say("save.byItself"));
    announcer.announce("save", say("save.byItself"));
  });
}

/** Keeps tools above the keyboard of a phone: browsers that lay it over the page tell only here. */
export function watchKeyboard(): void {
  const { visualViewport } = window;
  if (!visualViewport) return;
  const follow = () => {
    const covered = window.innerHeight - visualViewport.height - visualViewport.offsetTop;
    document.documentElement.style.setProperty("--keyboard", `${String(Math.max(0, Math.round(covered)))}px`);
  };
  visualViewport.addEventListener("resize", follow);
  visualViewport.addEventListener("scroll", follow);
  follow();
}
