import type { Node } from "@tiptap/pm/model";
import { longestBase } from "./overlay";

/** The words of some blocks, and where each character stands in them: -1 for one that is no letter of a text. */
export interface Plain {
  readonly text: string;
  readonly places: readonly number[];
}

/** A picture as words, so that another picture in its place is seen as a change. */
function pictureWords(node: Node): string {
  return [node.attrs["alt"], node.attrs["src"]].filter((word) => typeof word === "string" && word !== "").join(" ");
}

/**
 * The words of blocks that stand side by side, a line for each text in them. `places` count as in a document that
 * holds just these blocks.
 */
export function plainOf(blocks: readonly Node[]): Plain {
  let text = "";
  const places: number[] = [];
  const add = (words: string, from: number) => {
    for (let at = 0; at < words.length; at += 1) places.push(from === -1 ? -1 : from + at);
    text += words;
  };
  let isFirst = true;
  const line = () => {
    if (!isFirst) add("\n", -1);
    isFirst = false;
  };
  const visit = (node: Node, from: number) => {
    if (node.isTextblock) {
      line();
      node.forEach((child, offset) => {
        if (child.isText) add(child.text ?? "", from + 1 + offset);
        else add("\n", -1);
      });
    } else if (node.isLeaf) {
      line();
      add(node.type.name === "image" ? pictureWords(node) : String(node.attrs["text"] ?? ""), -1);
    } else {
      node.forEach((child, offset) => {
        visit(child, from + 1 + offset);
      });
    }
  };
  let from = 0;
  for (const block of blocks) {
    visit(block, from);
    from += block.nodeSize;
  }
  return { text, places };
}

/** What is remembered of a block that is adapted: its words, as far as there is room. */
export function baseOf(block: Node): string {
  const { text } = plainOf([block]);
  // Half a sign is none.
  const end = /[\ud800-\udbff]/.test(text.charAt(longestBase - 1)) ? longestBase - 1 : longestBase;
  return text.slice(0, end);
}
