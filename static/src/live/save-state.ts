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
  /** How many edits were in the store when it last had all of them. */
  readonly keptEdits: number;
  /** Milliseconds for which the oldest edit that is not in the store has been on its way there; infinite without a store. */
  readonly storingMilliseconds: number;
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

/**
 * A store takes some milliseconds for every letter. For so long the words tell what it holds for certain; then, or as
 * soon as it is known to fail, they tell what it lacks.
 */
export const storingGraceMilliseconds = 300;

/** How many edits to name, and whether all of those are kept here. */
function kept(facts: SaveFacts): { edits: number; keptHere: boolean } {
  if (facts.keptHere) return { edits: facts.unsavedEdits, keptHere: true };
  if (facts.storingMilliseconds < storingGraceMilliseconds) return { edits: facts.keptEdits, keptHere: true };
  return { edits: facts.unsavedEdits, keptHere: false };
}

/** The one state to show. "Saved" only when nothing speaks against it. */
export function saveState(facts: SaveFacts): SaveState {
  const edits = facts.unsavedEdits;
  if (facts.link === "refused" || facts.turnedDown) {
    return edits > 0 ? { kind: "notSaved", ...kept(facts) } : { kind: "stopped" };
  }
  if (!facts.online) return { kind: "offline", ...kept(facts) };
  if (facts.link === "waiting") return { kind: "reconnecting", seconds: facts.secondsLeft, ...kept(facts) };
  if (facts.link === "idle") return { kind: "opening" };
  if (!facts.mayWrite && edits === 0) return facts.link === "open" ? { kind: "readOnly" } : { kind: "opening" };
  if (facts.link === "connecting") return { kind: "connecting", ...kept(facts) };
  if (facts.settled) return { kind: "saved" };
  if (edits === 0) return { kind: "opening" };
  return facts.unconfirmedSeconds >= slowAfterSeconds ? { kind: "slow", ...kept(facts) } : { kind: "saving" };
}

/** Would leaving now lose something? Only an edit that is neither committed nor in this browser's store. */
export function wouldLose(facts: Pick<SaveFacts, "settled" | "unsavedEdits" | "keptHere">): boolean {
  return facts.unsavedEdits > 0 && !facts.settled && !facts.keptHere;
}
