import type { Node } from "@tiptap/pm/model";
import { foreignBlockName } from "./nodes/foreign-block";

export function isForeign(node: Node): boolean {
  return node.type.name === foreignBlockName;
}

function foreignIn(document: Node): Node[] {
  return document.children.filter(isForeign);
}

function nestedForeign(document: Node): boolean {
  let found = false;
  document.descendants((node, _position, parent) => {
    found ||= isForeign(node) && parent !== document;
    return !found && !node.isTextblock;
  });
  return found;
}

/**
 * May a change made here turn `before` into `after`? A foreign block stands for something that this page cannot
 * write: it may go, and other blocks may move past it, but it may not be copied, put into another block, or change
 * places with another one of its kind.
 */
export function keepsForeign(before: Node, after: Node): boolean {
  const old = foreignIn(before);
  const kept = foreignIn(after);
  if (old.length === 0 && kept.length === 0) return true;
  let at = 0;
  for (const block of kept) {
    at = old.indexOf(block, at) + 1;
    if (at === 0) return false;
  }
  return !nestedForeign(after);
}

/** Blocks between foreign ones: `blocks[0]`, `foreign[0]`, `blocks[1]` … */
function split(blocks: readonly Node[], at: readonly Node[]): Node[][] {
  const parts: Node[][] = [[]];
  for (const block of blocks) {
    if (at.includes(block)) parts.push([]);
    else parts.at(-1)?.push(block);
  }
  return parts;
}

function join(parts: readonly (readonly Node[])[], between: readonly Node[]): Node[] {
  return parts.flatMap((part, index) => {
    const after = between[index];
    return after === undefined ? part : [...part, after];
  });
}

/**
 * The way from the blocks of a document to others, so that no step changes anything on both sides of a foreign
 * block: the binding writes everything between the first and the last difference anew, and cannot write those.
 */
export function stepsAround(before: readonly Node[], after: readonly Node[]): Node[][] {
  const foreign = after.filter(isForeign);
  if (foreign.length === 0) return [[...after]];
  const present = split(before, foreign);
  const wanted = split(after, foreign);
  const steps: Node[][] = [];
  const step = (index: number, part: Node[]) => {
    const now = present[index] ?? [];
    if (now.length === part.length && now.every((block, place) => block === part[place])) return;
    present[index] = part;
    steps.push(join(present, foreign));
  };
  // What moves past a foreign block goes first and comes then, so that it never stands on both sides.
  for (const [index, part] of present.entries()) {
    const elsewhere = wanted.filter((_part, other) => other !== index).flat();
    step(
      index,
      part.filter((block) => !elsewhere.includes(block)),
    );
  }
  for (const [index, part] of wanted.entries()) step(index, part);
  return steps;
}
