import type { Node } from "@tiptap/pm/model";
import { asWord, deletionOf, insertionOf, keyOf, ofMark, ofWord } from "./authorship";
import type { Authorship } from "./marks";

/** One place in the text that is part of a suggestion. */
export type Part =
  | { readonly kind: "insert" | "delete"; readonly from: number; readonly to: number; readonly text: string }
  | {
      readonly kind: "reformat";
      /** The suggestion's key: others may suggest formats for the same letters. */
      readonly key: string;
      readonly from: number;
      readonly to: number;
      readonly text: string;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    }
  | {
      readonly kind: "insertBlock" | "deleteBlock" | "join" | "change";
      readonly from: number;
      readonly to: number;
      readonly text: string;
      /** What `change` makes of the block. */
      readonly into: string;
    };

export interface Suggestion extends Authorship {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly parts: readonly Part[];
}

const blockParts = [
  ["inserted", "insertBlock"],
  ["deleted", "deleteBlock"],
  ["joined", "join"],
  ["changed", "change"],
] as const;

const known = new WeakMap<Node, readonly Suggestion[]>();

/** All that is suggested in a document, in the order of the text. */
export function suggestionsIn(document: Node): readonly Suggestion[] {
  const found = known.get(document);
  if (found) return found;
  const parts = new Map<string, { readonly whose: Authorship; readonly parts: Part[] }>();
  const add = (whose: Authorship | null, part: Part): void => {
    if (whose === null) return;
    const key = keyOf(whose);
    const its = parts.get(key) ?? { whose, parts: [] };
    parts.set(key, its);
    const last = its.parts.at(-1);
    const isText = part.kind === "insert" || part.kind === "delete";
    if (last?.kind === part.kind && last.to === part.from && isText) {
      its.parts[its.parts.length - 1] = { ...part, from: last.from, text: last.text + part.text };
    } else {
      its.parts.push(part);
    }
  };
  document.descendants((node, position) => {
    const to = position + node.nodeSize;
    if (node.isText) {
      const text = node.text ?? "";
      add(insertionOf(node), { kind: "insert", from: position, to, text });
      add(deletionOf(node), { kind: "delete", from: position, to, text });
      for (const format of node.marks) {
        const whose = format.type.name === "reformat" ? ofMark(format) : null;
        if (!whose) continue;
        const names = (name: string) => String(format.attrs[name]).split(" ").filter(Boolean);
        const wanted = { add: names("add"), remove: names("remove") };
        add(whose, { kind: "reformat", key: keyOf(whose), from: position, to, text, ...wanted });
      }
      return;
    }
    for (const [name, kind] of blockParts) {
      const whose = ofWord(node.attrs[name]);
      if (whose) add(whose, { kind, from: position, to, text: node.textContent, into: whose.rest });
    }
  });
  const suggestions = [...parts].map(([key, { whose, parts: its }]): Suggestion => {
    const from = Math.min(...its.map((part) => part.from));
    const to = Math.max(...its.map((part) => part.to));
    return { key, id: whose.id, by: whose.by, at: whose.at, from, to, parts: its };
  });
  suggestions.sort((one, other) => one.from - other.from || one.at - other.at || asWord(one).localeCompare(asWord(other)));
  known.set(document, suggestions);
  return suggestions;
}
