import { type PresenceUser, presenceColours } from "../live/presence";
import { type Rights, readRights } from "../live/rights";
import type { UploadTarget } from "./upload";

/** What the server wrote into a page about the document that it opens live, and about this person. */
export interface Visit {
  readonly documentId: string;
  readonly epoch: string;
  readonly rights: Rights;
  readonly me: Omit<PresenceUser, "role">;
  readonly collabUrl: string;
  /** Where the calls about this document begin. */
  readonly api: string;
  /** What a guest of a review shows at the socket; the others' cookie says who they are. */
  readonly ticket: string;
  /** Whether this browser keeps a copy: not that of somebody who is only let in for a while. */
  readonly keepsCopy: boolean;
  readonly uploads: UploadTarget;
}

/** The page to write on: what the server wrote into it, and its places. */
export interface Page extends Visit {
  readonly title: HTMLTextAreaElement;
  readonly content: HTMLElement;
  readonly serverText: HTMLElement;
  readonly presence: HTMLElement;
  readonly banner: HTMLElement;
  readonly announcements: HTMLElement;
}

/** The element of the page that everything else needs. */
export function needed<Kind extends HTMLElement>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}

function socketUrl(path: string): string {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Reads it from the element `#editor`. */
export function readVisit(): Visit {
  const editor = needed("#editor", HTMLElement);
  const text = (name: string): string => {
    const value = editor.dataset[name];
    if (value === undefined) throw new Error(`The page does not say its ${name}.`);
    return value;
  };
  const colour = Number(text("meColour"));
  return {
    documentId: text("documentId"),
    epoch: text("epoch"),
    rights: readRights(text("rights")),
    me: { id: text("meId"), name: text("meName"), colour: Number.isInteger(colour) ? colour % presenceColours : 0 },
    collabUrl: socketUrl(text("collab")),
    api: editor.dataset["api"] ?? `/api/v1/documents/${text("documentId")}`,
    ticket: editor.dataset["ticket"] ?? "",
    keepsCopy: editor.dataset["ticket"] === undefined,
    uploads: {
      url: text("uploads"),
      csrf: document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "",
      maxBytes: Number(text("maxUploadBytes")),
    },
  };
}

export function readPage(): Page {
  return {
    ...readVisit(),
    title: needed("#document-title", HTMLTextAreaElement),
    content: needed("#document-content", HTMLElement),
    serverText: needed("#document-content > .prose-body", HTMLElement),
    presence: needed("#presence", HTMLElement),
    banner: needed("#editor-banner", HTMLElement),
    announcements: needed("#editor-announcements", HTMLElement),
  };
}
