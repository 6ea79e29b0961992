import type { SuggestionName } from "./api";
import type { Thread } from "./model";
import type { Shown } from "./panel";

/** What is said about a suggestion: its thread, or a comment that is being written; `element` shows it. */
export interface Talk {
  readonly element: HTMLElement;
  /** How many comments there are. */
  readonly count: number;
  readonly active: boolean;
}

/** A stretch of the text; `block`: it is the whole node at `from`. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly block: boolean;
}

/** What cards of another kind need to stand among those of threads. */
export interface BesideHost {
  /** Show them anew, soon. */
  readonly refresh: () => void;
  /** Show them anew before it returns. */
  readonly refreshNow: () => void;
  /** What is said about a suggestion, to be shown in its card; null as long as nobody says anything. */
  readonly talk: (key: string) => Talk | null;
  /** The thread about a suggestion, whatever became of it. */
  readonly threadAbout: (key: string) => Thread | null;
  /** Begins a thread about a suggestion that stands at `range`, or takes up the one there is. */
  readonly discuss: (suggestion: SuggestionName & { readonly key: string }, range: Range) => void;
  /** Opens their list, where they do not stand beside the text. */
  readonly list: () => void;
  readonly openThread: (id: string) => void;
  /** Brings a place in the text and a card into view. */
  readonly reveal: (mark: Element | null, card: HTMLElement | null) => void;
}

/** Cards of another kind, about the same text. */
export interface Beside {
  readonly count: number;
  readonly activeId: string | null;
  /** What its list says when it is empty. */
  readonly emptyWord: string;
  /** `listed`: they are in the list of their own kind, and not level with the text. */
  cards(listed: boolean): readonly Shown[];
  /** Where in the text the card with this id belongs; null for a card of another kind, and for what is not shown. */
  rangeOf(id: string): Range | null;
  activate(id: string): void;
  /** Chooses what its list shows: what the part of the address after # says. */
  follow(hash: string): void;
  join(host: BesideHost): void;
}
