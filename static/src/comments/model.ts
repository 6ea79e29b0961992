/** Somebody, as the server tells it; `colour` is a place in the palette of carets and avatars. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly colour: number;
}

export const reactionKinds = ["thumbs_up", "heart", "celebrate", "laugh", "eyes", "done"] as const;
export type ReactionKind = (typeof reactionKinds)[number];

export interface Reaction {
  readonly kind: ReactionKind;
  readonly people: readonly Person[];
}

/** In `text` a person stands as <@id>. */
export interface Comment {
  readonly id: string;
  readonly author: Person | null;
  readonly text: string;
  readonly mentions: readonly Person[];
  readonly created_at: string;
  readonly edited_at: string | null;
  readonly deleted: boolean;
  readonly reactions: readonly Reaction[];
}

export interface Anchor {
  readonly start: unknown;
  readonly end: unknown;
}

/** What a thread is about: positions in the shared text, a block, and the words with those around them. */
export interface Place {
  readonly kind: "text" | "block" | "image";
  readonly anchor: Anchor | null;
  readonly block_id: string | null;
  readonly quote: string;
  readonly before: string;
  readonly after: string;
}

/** The suggestion that a thread is about, as the server has it; an id counts only together with its author. */
export interface SuggestionAbout {
  readonly id: string;
  readonly author_id: string;
  readonly author: Person | null;
  readonly state: "pending" | "accepted" | "rejected" | "withdrawn";
  readonly sentences: readonly string[];
  readonly decided_by: Person | null;
}

export interface Thread {
  readonly id: string;
  readonly place: Place;
  readonly suggestion: SuggestionAbout | null;
  readonly created_at: string;
  readonly created_by: string | null;
  readonly resolved_at: string | null;
  readonly resolved_by: Person | null;
  readonly comments: readonly Comment[];
}

export interface Rights {
  readonly may_comment: boolean;
  readonly may_resolve_any: boolean;
  readonly may_delete_any: boolean;
}

export interface ThreadPage extends Rights {
  readonly threads: readonly Thread[];
  readonly next_cursor: string | null;
}

/** Has this person said something in it, or is mentioned? */
export function concerns(thread: Thread, personId: string): boolean {
  return thread.comments.some(
    ({ author, mentions }) => author?.id === personId || mentions.some(({ id }) => id === personId),
  );
}

/** May this person attach it to other words? To the same ones whoever comments may. */
export function mayAttach(thread: Thread, { me, rights }: { readonly me: string; readonly rights: Rights }): boolean {
  return rights.may_comment && (rights.may_resolve_any || thread.created_by === me);
}

/** The key under which the page knows the suggestion that a thread is about. */
export function suggestionKey({ suggestion }: Thread): string | null {
  return suggestion && `${suggestion.author_id}/${suggestion.id}`;
}
