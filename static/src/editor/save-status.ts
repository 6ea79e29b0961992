import type { SaveState } from "../live/save-state";
import type { Session } from "../live/session";
import { clockWords } from "../ui/times";
import type { Announcer } from "./announcer";
import { say, sayCount } from "./words";

/** " · 3 edits kept here", or the warning that they are only in this window. */
function editsPart(state: { edits: number; keptHere: boolean }): string {
  if (state.edits === 0) return "";
  return ` · ${sayCount(state.keptHere ? "save.kept" : "save.loose", state.edits)}`;
}

function sentence(state: SaveState, savedAt: Date | null): string {
  switch (state.kind) {
    case "opening":
      return say("save.opening");
    case "saved":
      return savedAt === null ? say("save.saved") : say("save.savedAt", { time: clockWords(savedAt) });
    case "saving":
      return say("save.saving");
    case "slow":
      return say("save.slow") + editsPart(state);
    case "offline":
      return say("save.offline") + editsPart(state);
    case "connecting":
      return say("save.connecting") + editsPart(state);
    case "reconnecting":
      return say("save.reconnecting", { seconds: state.seconds }) + editsPart(state);
    case "notSaved":
      return say("save.notSaved") + editsPart(state);
    case "stopped":
      return say("save.stopped");
    case "readOnly":
      return say("save.readOnly");
  }
}

/** Shows the save state in words and guards the page while leaving it would lose something. */
export function showSaveState(session: Session, announcer: Announcer): void {
  const place = document.querySelector<HTMLElement>("#save-state");
  const words = place?.querySelector<HTMLElement>("[data-save-words]");
  const retry = place?.querySelector<HTMLButtonElement>("[data-save-retry]");
  if (!place || !words || !retry) throw new Error("The page has no place for the save state.");
  const atOpening = place.dataset["savedAt"];
  session.savedAt ??= atOpening === undefined || atOpening === "" ? null : new Date(atOpening);
  let announced: SaveState["kind"] = "opening";

  const show = () => {
    const state = session.state(Date.now());
    const text = sentence(state, session.savedAt);
    place.dataset["state"] = state.kind;
    place.dataset["edits"] = String("edits" in state ? state.edits : 0);
    if (words.textContent !== text) words.textContent = text;
    retry.hidden = state.kind !== "reconnecting";
    // "Saving" and back within a moment is the ordinary case and not worth an interruption.
    if (state.kind === announced || state.kind === "saving" || state.kind === "opening") return;
    if (!(announced === "opening" && (state.kind === "saved" || state.kind === "readOnly"))) {
      announcer.announce("save", text);
    }
    announced = state.kind;
  };

  retry.addEventListener("click", () => {
    session.connection.connect();
  });
  session.watch(show);
  // The countdown, and an edit that waits too long, change without any event.
  setInterval(show, 500);
  show();

  window.addEventListener("beforeunload", (event) => {
    if (session.wouldLose) event.preventDefault();
  });
}
