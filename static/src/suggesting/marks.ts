import { Extension, Mark } from "@tiptap/core";
import Code from "@tiptap/extension-code";
import CodeBlock from "@tiptap/extension-code-block";

/** The marks that a suggestion may add to text or take from it, in the order in which they are written down. */
export const formats = ["bold", "italic", "strike", "code", "highlight"] as const;
export type Format = (typeof formats)[number];

/** Whose suggestion something is part of, and since when: marks hold the three, a block's attribute holds them in one word each. */
export interface Authorship {
  readonly id: string;
  /** A person's id. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const authorship = {
  id: { default: "", rendered: false },
  by: { default: "", rendered: false },
  at: { default: 0, rendered: false },
};

function shown(kind: string, attributes: Record<string, unknown>): Record<string, string> {
  return { "data-suggested": kind, "data-suggestion": `${String(attributes["by"])}/${String(attributes["id"])}` };
}

/** Text that somebody suggests to put in. Nothing of a suggestion is read from pasted HTML: it would be nobody's. */
const Insertion = Mark.create({
  name: "insertion",
  priority: 2000,
  inclusive: false,
  keepOnSplit: false,
  addAttributes: () => authorship,
  renderHTML: ({ mark }) => ["ins", shown("insertion", mark.attrs), 0],
});

/** Text that somebody suggests to take out. */
const Deletion = Mark.create({
  name: "deletion",
  priority: 1990,
  inclusive: false,
  keepOnSplit: false,
  addAttributes: () => authorship,
  renderHTML: ({ mark }) => ["del", shown("deletion", mark.attrs), 0],
});

/** Text that somebody suggests to format otherwise; several people may of the same text, each in their way. */
const Reformat = Mark.create({
  name: "reformat",
  priority: 1980,
  excludes: "",
  inclusive: false,
  keepOnSplit: false,
  addAttributes: () => ({
    ...authorship,
    /** Names of `formats`, with a space between. */
    add: { default: "", rendered: false },
    remove: { default: "", rendered: false },
  }),
  renderHTML: ({ mark }) => [
    "span",
    {
      ...shown("reformat", mark.attrs),
      "data-add": String(mark.attrs["add"]),
      "data-remove": String(mark.attrs["remove"]),
    },
    0,
  ],
});

/** Everywhere else an own mark shuts out all others; what is suggested about code must still be told. */
export const SuggestibleCode = Code.extend({ excludes: "code bold italic strike highlight link" });
export const SuggestibleCodeBlock = CodeBlock.extend({ marks: "insertion deletion" });

/** What may be suggested of whole blocks; each attribute is null or `id by at`, `changed` with what it is to become. */
export const blockSuggestions = ["inserted", "deleted", "joined", "changed"] as const;
export type BlockSuggestion = (typeof blockSuggestions)[number];

function blockAttributes(blocks: readonly string[]): Extension {
  return Extension.create({
    name: "blockSuggestions",
    addGlobalAttributes: () => [
      {
        types: [...blocks],
        attributes: Object.fromEntries(
          blockSuggestions.map((name) => [
            name,
            {
              default: null,
              // What is split out of a suggested block is suggested with it; the rest is said of one block.
              keepOnSplit: name === "inserted",
              parseHTML: () => null,
              renderHTML: (attributes: Record<string, unknown>) => {
                const value = attributes[name];
                return typeof value === "string" ? { [`data-${name}`]: value } : {};
              },
            },
          ]),
        ),
      },
    ],
  });
}

/** What the schema has so that changes can be suggested; `blocks` are the types that can be suggested whole. */
export function suggestionExtensions(blocks: readonly string[]) {
  return [Insertion, Deletion, Reformat, blockAttributes(blocks)];
}
