/** What is known about this page's link to the server and about the edits made here. */
export interface SaveFacts {
  /** What the browser says about its network. */
  readonly online: boolean;
  readonly link: "idle" | "connecting" | "open" | "waiting" | "refused";
  /** Whole seconds until the next attempt; only meaningful while waiting. */
  readonly secondsLeft: number;
  /** Both sides have each other's state and every frame sent on this socket is committed. */
  readonly settled: boolean;
  /** The server turned down something written here. */
  readonly turnedDown: boolean;
  /** Edits made here that were never followed by "Saved", also those of an earlier visit. */
  readonly unsavedEdits: number;
  /** Every edit made here is in this browser's own store. */
  readonly keptHere: boolean;
  /** Seconds since the oldest edit that the server has not confirmed. */
  readonly unconfirmedSeconds: number;
  readonly mayWrite: boolean;
}

export type SaveState =
  | { readonly kind: "opening" }
  | { readonly kind: "saved" }
  | { readonly kind: "saving" }
  | { readonly kind: "slow"; readonly edits: number; readonly keptHere: boolean }
  | { readonly kind: "offline"; readonly edits: number; readonly keptHere: boolean }
  | { readonly kind: "connecting"; readonly edits: number; readonly keptHere: boolean }
  | { readonly kind: "reconnecting"; readonly seconds: number; readonly edits: number; readonly keptHere: boolean }
  | { readonly kind: "notSaved"; readonly edits: number; readonly keptHere: boolean }
  | { readonly kind: "stopped" }
  | { readonly kind: "readOnly" };

/** From here on "Saving" alone would hide that something is wrong. */
export const slowAfterSeconds = 8;

/** The one state to show. "Saved" only when nothing speaks against it. */
export function saveState(facts: SaveFacts): SaveState {
  const edits = facts.unsavedEdits;
  const { keptHere } = facts;
  if (facts.link === "refused" || facts.turnedDown) {
    return edits > 0 ? { kind: "notSaved", edits, keptHere } : { kind: "stopped" };
  }
  if (!facts.online) return { kind: "offline", edits, keptHere };
  if (facts.link === "waiting") return { kind: "reconnecting", seconds: facts.secondsLeft, edits, keptHere };
  if (facts.link === "idle") return { kind: "opening" };
  if (!facts.mayWrite && edits === 0) return facts.link === "open" ? { kind: "readOnly" } : { kind: "opening" };
  if (facts.link === "connecting") return { kind: "connecting", edits, keptHere };
  if (facts.settled) return { kind: "saved" };
  if (edits === 0) return { kind: "opening" };
  return facts.unconfirmedSeconds >= slowAfterSeconds ? { kind: "slow", edits, keptHere } : { kind: "saving" };
}

/** Would leaving now lose something? Only an edit that is neither committed nor in this browser's store. */
export function wouldLose(facts: Pick<SaveFacts, "settled" | "unsavedEdits" | "keptHere">): boolean {
  return facts.unsavedEdits > 0 && !facts.settled && !facts.keptHere;
}
