import { needed, readVisit, type Visit } from "../editor/page";

/** An account as the page lists it. */
export interface Account {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly hasTitles: boolean;
  readonly hasReplies: boolean;
  readonly link: HTMLAnchorElement;
  readonly fields: HTMLFormElement;
}

/** The page of variants: what the server wrote into it, and its places. */
export interface VariantsPage extends Visit {
  readonly accounts: readonly Account[];
  readonly root: HTMLElement;
  readonly presence: HTMLElement;
  readonly banner: HTMLElement;
  readonly announcements: HTMLElement;
  readonly name: HTMLElement;
  readonly mode: HTMLFieldSetElement;
  readonly hint: HTMLElement;
  readonly meters: HTMLElement;
  readonly problems: HTMLElement;
  readonly text: HTMLElement;
  readonly preview: HTMLElement;
  readonly previewState: HTMLElement;
}

export function readVariantsPage(): VariantsPage {
  const links = document.querySelectorAll<HTMLAnchorElement>("#variant-accounts [data-account]");
  return {
    ...readVisit(),
    accounts: [...links].map((link) => {
      const id = link.dataset["account"] ?? "";
      return {
        id,
        name: link.dataset["name"] ?? "",
        channel: link.dataset["channel"] ?? "",
        hasTitles: link.dataset["titles"] !== undefined,
        hasReplies: link.dataset["replies"] !== undefined,
        link,
        fields: needed(`[data-fields="${CSS.escape(id)}"]`, HTMLFormElement),
      };
    }),
    root: needed("#editor", HTMLElement),
    presence: needed("#presence", HTMLElement),
    banner: needed("#editor-banner", HTMLElement),
    announcements: needed("#editor-announcements", HTMLElement),
    name: needed("#variant-name", HTMLElement),
    mode: needed("#variant-mode", HTMLFieldSetElement),
    hint: needed("#variant-hint", HTMLElement),
    meters: needed("#variant-meters", HTMLElement),
    problems: needed("#variant-problems", HTMLElement),
    text: needed("#variant-text", HTMLElement),
    preview: needed("#variant-preview", HTMLElement),
    previewState: needed("#variant-preview-state", HTMLElement),
  };
}
