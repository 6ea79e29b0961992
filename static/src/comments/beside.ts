import type { Shown } from "./panel";

/** What cards of another kind need to stand among those of threads. */
export interface BesideHost {
  /** Show them anew. */
  readonly refresh: () => void;
  /** The open threads about a stretch of the text, by their ids. */
  readonly threadsAt: (from: number, to: number) => readonly string[];
  readonly openThread: (id: string) => void;
  /** Brings a place in the text and a card into view. */
  readonly reveal: (mark: Element | null, card: HTMLElement | null) => void;
}

/** Cards of another kind, about the same text. */
export interface Beside {
  readonly count: number;
  readonly activeId: string | null;
  /** `listed`: they are in the list of their own kind, and not level with the text. */
  cards(listed: boolean): readonly Shown[];
  /** Where in the text the card with this id belongs; null for a card of another kind. */
  positionOf(id: string): number | null;
  join(host: BesideHost): void;
}
