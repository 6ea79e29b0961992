import { Fragment, type Mark, type Node, type Slice } from "@tiptap/pm/model";
import { type EditorState, TextSelection, type Transaction } from "@tiptap/pm/state";
import { AddMarkStep, RemoveMarkStep, ReplaceStep, type Step } from "@tiptap/pm/transform";
import { asWord, deletionOf, insertionOf, isInOwnBlock, ofMark, ofWord } from "./authorship";
import { kindOf } from "./block-kind";
import { type Authorship, formats } from "./marks";

/** A paragraph and a line that are suggested inside of a text: a real break would move what stands behind it. */
export const paragraphBreak = "\u2029";
export const lineBreak = "\u2028";

const pendingMarks = ["insertion", "deletion", "reformat"];

export interface Author {
  /** A person's id. */
  readonly by: string;
  readonly newId: () => string;
  readonly now: () => number;
}

/** That kind of change cannot be suggested. */
class Unsuggestible extends Error {}

/**
 * The transaction that suggests what another one would do, or null if that cannot be suggested. It deletes and moves
 * nothing that is not the author's own suggestion. `transaction` must be made on `state`.
 */
export function track(transaction: Transaction, state: EditorState, author: Author): Transaction | null {
  const tracking = new Tracking(state, author);
  try {
    tracking.take(transaction);
  } catch (problem) {
    if (problem instanceof Unsuggestible) return null;
    throw problem;
  }
  return tracking.transaction;
}

function inlineOf(slice: Slice): Fragment | null {
  let { content } = slice;
  for (let open = 0; open < Math.min(slice.openStart, slice.openEnd); open += 1) {
    if (content.childCount !== 1 || !content.firstChild) return null;
    ({ content } = content.firstChild);
  }
  for (const node of content.content) if (!node.isInline) return null;
  return content;
}

/** The texts of a slice of plain paragraphs; null for anything else. */
function paragraphsOf(slice: Slice): Fragment[] | null {
  if (slice.openStart === 0 && slice.openEnd === 0) return null;
  const texts: Fragment[] = [];
  for (const node of slice.content.content) {
    if (node.type.name !== "paragraph") return null;
    texts.push(node.content);
  }
  return texts;
}

function isBreak(slice: Slice): boolean {
  if (slice.openStart !== slice.openEnd || slice.openStart === 0 || slice.content.childCount !== 2) return false;
  let words = false;
  slice.content.descendants((node) => {
    words ||= node.isInline;
  });
  return !words;
}

class Tracking {
  readonly transaction: Transaction;
  readonly #state: EditorState;
  readonly #author: Author;
  #fresh: Authorship | null = null;

  constructor(state: EditorState, author: Author) {
    this.#state = state;
    this.#author = author;
    this.transaction = state.tr;
  }

  take(original: Transaction): void {
    const { steps } = original;
    const [only] = steps;
    if (steps.every((step) => step instanceof AddMarkStep || step instanceof RemoveMarkStep)) {
      for (const step of steps) this.#reformat(step.from, step.to, step.mark, step instanceof AddMarkStep);
      this.transaction.setStoredMarks(original.storedMarks);
    } else if (steps.length === 1 && only instanceof ReplaceStep) {
      this.#replace(only.from, only.to, only.slice, original);
    } else {
      this.#blocks(original);
    }
    if (original.scrolledIntoView) this.transaction.scrollIntoView();
    // What was noted on it concerns what happened, not how: that a menu was opened, that it was a paste.
    const { meta } = original as unknown as { readonly meta: Readonly<Record<string, unknown>> };
    for (const [key, value] of Object.entries(meta)) this.transaction.setMeta(key, value);
  }

  /** One suggestion for all that belongs together: what stands beside the author's own goes on with it. */
  #authorship(from: number, to: number): Authorship {
    const { doc } = this.transaction;
    const { nodeBefore } = doc.resolve(from);
    const { nodeAfter } = doc.resolve(to);
    for (const node of [nodeBefore, nodeAfter]) {
      for (const known of [insertionOf(node), deletionOf(node)]) if (known?.by === this.#author.by) return known;
    }
    this.#fresh ??= { id: this.#author.newId(), by: this.#author.by, at: this.#author.now() };
    return this.#fresh;
  }

  #owns(authorship: Authorship | null): boolean {
    return authorship?.by === this.#author.by;
  }

  #mark(name: "insertion" | "deletion" | "reformat", attributes: object): Mark {
    const type = this.#state.schema.marks[name];
    if (!type) throw new Error(`The schema has no mark ${name}.`);
    return type.create({ ...attributes });
  }

  // Formats

  #reformat(from: number, to: number, mark: Mark, add: boolean): void {
    const { transaction } = this;
    const format = formats.find((each) => each === mark.type.name);
    const stretches: { from: number; to: number; node: Node }[] = [];
    transaction.doc.nodesBetween(from, to, (node, position) => {
      if (!node.isText) return;
      stretches.push({ from: Math.max(from, position), to: Math.min(to, position + node.nodeSize), node });
    });
    let refused = stretches.length > 0;
    for (const stretch of stretches) {
      const own =
        this.#owns(insertionOf(stretch.node)) || isInOwnBlock(transaction.doc, stretch.from, stretch.to, this.#author.by);
      if (own) {
        if (add) transaction.addMark(stretch.from, stretch.to, mark);
        else transaction.removeMark(stretch.from, stretch.to, mark);
        refused = false;
        continue;
      }
      if (format === undefined) continue;
      // What others suggest of these letters stands beside it, and is decided by itself.
      const present = stretch.node.marks.find((each) => each.type.name === "reformat" && this.#owns(ofMark(each)));
      refused = false;
      this.#suggestFormat(stretch, present, format, add);
    }
    if (refused) throw new Unsuggestible();
  }

  #suggestFormat(
    { from, to, node }: { from: number; to: number; node: Node },
    present: Mark | undefined,
    format: string,
    add: boolean,
  ): void {
    const { transaction } = this;
    const words = (name: string) => new Set(String(present?.attrs[name] ?? "").split(" ").filter(Boolean));
    const [added, removed] = [words("add"), words("remove")];
    const has = node.marks.some(({ type }) => type.name === format);
    // Who presses a tool sees what is there and not what is suggested: pressed again, it takes its suggestion back.
    const again = (add ? added : removed).has(format);
    added.delete(format);
    removed.delete(format);
    if (!again && add && !has) added.add(format);
    if (!again && !add && has) removed.add(format);
    if (present) transaction.removeMark(from, to, present);
    if (added.size + removed.size === 0) return;
    const inOrder = (names: ReadonlySet<string>) => formats.filter((each) => names.has(each)).join(" ");
    const whose = ofMark(present) ?? this.#authorship(from, to);
    transaction.addMark(from, to, this.#mark("reformat", { ...whose, add: inOrder(added), remove: inOrder(removed) }));
  }

  // Text

  #replace(from: number, to: number, slice: Slice, original: Transaction): void {
    const { doc } = this.#state;
    if (isInOwnBlock(doc, from, to, this.#author.by)) {
      this.#asItIs(original);
      return;
    }
    const inline = inlineOf(slice);
    const paragraphs = paragraphsOf(slice);
    const whole = slice.size > 0 && !inline && !paragraphs && !isBreak(slice);
    if (whole && !(doc.resolve(from).parent.isTextblock && doc.resolve(to).parent.isTextblock)) {
      this.#blocks(original);
      return;
    }
    const whose = this.#authorship(from, to);
    const backward = this.#state.selection.empty && this.#state.selection.head === to && slice.size === 0;
    if (from < to) this.#delete(from, to, whose);
    const at = this.transaction.mapping.map(to);
    if (slice.size === 0) {
      const place = backward || !this.#state.selection.empty ? this.transaction.mapping.map(from, -1) : at;
      this.transaction.setSelection(TextSelection.near(this.transaction.doc.resolve(place), backward ? -1 : 1));
      return;
    }
    if (whole) this.#insertWhole(at, slice);
    else if (isBreak(slice)) this.#break(at, whose);
    else if (inline) this.#insert(at, inline, whose);
    else if (paragraphs) this.#insertParagraphs(at, paragraphs, whose);
    this.transaction.setStoredMarks(null);
  }

  #delete(from: number, to: number, whose: Authorship): void {
    const { transaction } = this;
    const { doc } = transaction;
    const own: { from: number; to: number }[] = [];
    const struck: { from: number; to: number }[] = [];
    const blocks: number[] = [];
    let breaks = 0;
    let marked = 0;
    doc.nodesBetween(from, to, (node, position, parent) => {
      const end = position + node.nodeSize;
      const whole = position >= from && end <= to;
      if (node.isText) {
        const stretch = { from: Math.max(from, position), to: Math.min(to, end) };
        if (this.#owns(insertionOf(node))) own.push(stretch);
        else if (!deletionOf(node) && parent?.type.allowsMarkType(this.#mark("deletion", whose).type)) struck.push(stretch);
        marked += 1;
        return false;
      }
      if (node.isInline) {
        // A break has no place for a mark.
        breaks += 1;
        return false;
      }
      if (!whole || !("inserted" in node.attrs)) return true;
      marked += 1;
      if (this.#owns(ofWord(node.attrs["inserted"]))) own.push({ from: position, to: end });
      else if (node.attrs["deleted"] === null) blocks.push(position);
      return false;
    });
    for (const stretch of struck) transaction.addMark(stretch.from, stretch.to, this.#mark("deletion", whose));
    for (const position of blocks) transaction.setNodeAttribute(position, "deleted", asWord(whose));
    const joins = this.#join(from, to, whose);
    for (const stretch of own.sort((one, other) => other.from - one.from)) this.#take(stretch.from, stretch.to);
    if (breaks > 0 && marked === 0 && !joins) throw new Unsuggestible();
  }

  /** Takes out what is the author's own. */
  #take(from: number, to: number): void {
    const { transaction } = this;
    const { doc } = transaction;
    const only = doc.childCount === 1 && from === 0 && to === doc.content.size;
    if (only) throw new Unsuggestible();
    transaction.delete(from, to);
  }

  /** Two blocks of which the border is in the stretch are to be one. */
  #join(from: number, to: number, whose: Authorship): boolean {
    const { transaction } = this;
    const $from = transaction.doc.resolve(from);
    const $to = transaction.doc.resolve(to);
    if ($from.parent === $to.parent || !$from.parent.isTextblock || !$to.parent.isTextblock) return false;
    const own = ofWord($to.parent.attrs["inserted"]);
    if (this.#owns(own)) {
      // What it holds goes into the block before it, still as a suggestion.
      const rest = $to.parent.content.cut($to.parentOffset);
      const [start, end] = [$to.before(), $to.after()];
      transaction.delete(start, end);
      if (rest.size > 0) this.#insert(transaction.mapping.map(from), rest, own ?? whose);
      return true;
    }
    if (!("joined" in $to.parent.attrs)) throw new Unsuggestible();
    if ($to.parent.attrs["joined"] === null) transaction.setNodeAttribute($to.before(), "joined", asWord(whose));
    return true;
  }

  #suggested(content: Fragment, whose: Authorship): Node[] {
    const { schema } = this.#state;
    const insertion = this.#mark("insertion", whose);
    const nodes: Node[] = [];
    for (const node of content.content) {
      const kept = node.marks.filter(({ type }) => !pendingMarks.includes(type.name));
      const text = node.isText ? (node.text ?? "") : node.type.name === "hardBreak" ? lineBreak : "";
      if (text !== "") nodes.push(schema.text(text, insertion.addToSet(kept)));
    }
    return nodes;
  }

  #insert(at: number, content: Fragment, whose: Authorship): void {
    const { transaction } = this;
    const $at = transaction.doc.resolve(at);
    if (!$at.parent.inlineContent) throw new Unsuggestible();
    const nodes = this.#suggested(content, whose).map((node) =>
      node.mark(node.marks.filter(({ type }) => $at.parent.type.allowsMarkType(type))),
    );
    if (nodes.length === 0) throw new Unsuggestible();
    const fragment = Fragment.from(nodes);
    transaction.insert(at, fragment);
    transaction.setSelection(TextSelection.create(transaction.doc, at + fragment.size));
  }

  #insertParagraphs(at: number, paragraphs: readonly Fragment[], whose: Authorship): void {
    const gap = this.#state.schema.text(paragraphBreak);
    const joined = paragraphs.flatMap((each, index) => [...(index > 0 ? [gap] : []), ...each.content]);
    this.#insert(at, Fragment.from(joined), whose);
  }

  /** Blocks that are put into a text: they come behind its block, which a real insertion would part. */
  #insertWhole(at: number, slice: Slice): void {
    const { transaction } = this;
    const $at = transaction.doc.resolve(at);
    const { contentMatch } = this.#state.schema.topNodeType;
    const edge = $at.depth > 0 ? $at.after(1) : at;
    const fresh = { inserted: asWord(this.#newAuthorship()) };
    // Fitted into a text, the slice begins and ends with what is to be the halves of the block there.
    const halves = [slice.openStart > 0 ? slice.content.firstChild : null, slice.openEnd > 0 ? slice.content.lastChild : null];
    const isHalf = (node: Node) => halves.includes(node) && node.isTextblock && node.content.size === 0;
    const blocks = slice.content.content.filter((node) => !isHalf(node)).map((node) => {
      if (!contentMatch.matchType(node.type) || !("inserted" in node.attrs)) throw new Unsuggestible();
      return node.type.create({ ...node.attrs, ...fresh }, withoutSuggestions(node.content), node.marks);
    });
    if (blocks.length === 0) throw new Unsuggestible();
    transaction.insert(edge, blocks);
    const end = blocks.reduce((sum, block) => sum + block.nodeSize, edge);
    transaction.setSelection(TextSelection.near(transaction.doc.resolve(end), -1));
  }

  /** Return. At the end of a block it begins a new one; within one it is a mark of where the block is to be parted. */
  #break(at: number, whose: Authorship): void {
    const { transaction } = this;
    const { schema } = this.#state;
    const $at = transaction.doc.resolve(at);
    const paragraph = schema.nodes["paragraph"];
    if (!paragraph || !$at.parent.isTextblock) throw new Unsuggestible();
    if ($at.parentOffset < $at.parent.content.size) {
      this.#insert(at, Fragment.from(schema.text(paragraphBreak)), whose);
      return;
    }
    const item = $at.depth > 1 ? $at.node(-1) : null;
    const inItem = item?.type.name === "listItem" || item?.type.name === "taskItem";
    const fresh = { inserted: asWord(this.#newAuthorship()) };
    const block = inItem ? item.type.create(fresh, paragraph.create()) : paragraph.create(fresh);
    const behind = inItem ? $at.after(-1) : $at.after();
    transaction.insert(behind, block);
    transaction.setSelection(TextSelection.near(transaction.doc.resolve(behind + 1)));
  }

  #newAuthorship(): Authorship {
    return { id: this.#author.newId(), by: this.#author.by, at: this.#author.now() };
  }

  // Blocks

  /** What several steps, or steps over whole blocks, did: found by comparing the blocks by their ids. */
  #blocks(original: Transaction): void {
    const { doc } = this.#state;
    const [before, after] = [changedBlocks(doc, original.doc), changedBlocks(original.doc, doc)];
    const inside = before.from < before.to && isInOwnBlock(doc, before.from + 1, before.to - 1, this.#author.by);
    if (inside || this.#ownsAll(before.nodes)) {
      this.#asItIs(original);
      return;
    }
    const old = leavesOf(before.nodes, before.from);
    const now = new Map<unknown, Leaf>();
    for (const leaf of leavesOf(after.nodes, after.from)) {
      if (leaf.id !== null && !now.has(leaf.id)) now.set(leaf.id, leaf);
    }
    const kept = old.filter(({ id }) => id !== null && now.has(id));
    const order = kept.map(({ id }) => now.get(id)?.position ?? 0);
    if (order.some((position, index) => index > 0 && position < (order[index - 1] ?? 0))) throw new Unsuggestible();
    const whose = this.#newAuthorship();
    let changed = this.#insertBlocks(old, after, whose);
    for (const leaf of [...old].reverse()) {
      const then = leaf.id === null ? undefined : now.get(leaf.id);
      changed = (then ? this.#changeBlock(leaf, then, whose) : this.#deleteBlock(leaf, whose)) || changed;
    }
    if (!changed) throw new Unsuggestible();
    if (!this.transaction.selectionSet) this.#mapSelection(original);
  }

  #ownsAll(nodes: readonly Node[]): boolean {
    return nodes.length > 0 && nodes.every((node) => this.#owns(ofWord(node.attrs["inserted"])));
  }

  /** In what is the author's own all is done outright; what comes of a block of theirs is theirs, too. */
  #asItIs(original: Transaction): void {
    const before = changedBlocks(this.#state.doc, original.doc);
    for (const step of original.steps) this.transaction.step(step);
    this.#disown(original.steps);
    this.#takeSelection(original);
    if (!this.#ownsAll(before.nodes)) return;
    const whose = ofWord(before.nodes[0]?.attrs["inserted"]);
    let position = before.from;
    for (const node of changedBlocks(this.transaction.doc, this.#state.doc).nodes) {
      const open = "inserted" in node.attrs && !this.#owns(ofWord(node.attrs["inserted"]));
      if (open && whose) this.transaction.setNodeAttribute(position, "inserted", asWord(whose));
      position += node.nodeSize;
    }
  }

  /** What is typed among letters of which others say something is not what they said it of. */
  #disown(steps: readonly Step[]): void {
    const { transaction } = this;
    const [only] = steps;
    if (steps.length !== 1 || !(only instanceof ReplaceStep) || inlineOf(only.slice) === null) return;
    const [from, to] = [only.from, only.from + only.slice.size];
    transaction.doc.nodesBetween(from, to, (node, position) => {
      for (const mark of node.marks) {
        if (!pendingMarks.includes(mark.type.name) || this.#owns(ofMark(mark))) continue;
        transaction.removeMark(Math.max(from, position), Math.min(to, position + node.nodeSize), mark);
      }
    });
  }

  #takeSelection({ selection }: Transaction): void {
    const { doc } = this.transaction;
    const place = (position: number) => doc.resolve(Math.min(position, doc.content.size));
    this.transaction.setSelection(TextSelection.between(place(selection.anchor), place(selection.head)));
  }

  #mapSelection(original: Transaction): void {
    const { doc } = this.transaction;
    const head = original.mapping.invert().map(original.selection.head);
    const place = this.transaction.mapping.map(Math.min(head, this.#state.doc.content.size));
    this.transaction.setSelection(TextSelection.near(doc.resolve(Math.min(place, doc.content.size))));
  }

  #changeBlock(leaf: Leaf, then: Leaf, whose: Authorship): boolean {
    let changed = false;
    const { transaction } = this;
    if (leaf.kind !== then.kind) {
      const present = ofWord(leaf.node.attrs["changed"]);
      if (present && !this.#owns(present)) throw new Unsuggestible();
      transaction.setNodeAttribute(transaction.mapping.map(leaf.position), "changed", asWord(present ?? whose, then.kind));
      changed = true;
    }
    if (!leaf.node.isTextblock) return changed;
    const start = leaf.node.content.findDiffStart(then.node.content);
    const end = leaf.node.content.findDiffEnd(then.node.content);
    if (start === null || end === null) return changed;
    const overlap = Math.max(0, start - Math.min(end.a, end.b));
    const [from, to] = [leaf.position + 1 + start, leaf.position + 1 + end.a + overlap];
    const words = then.node.content.cut(start, end.b + overlap);
    if (from < to) this.#delete(transaction.mapping.map(from), transaction.mapping.map(to), whose);
    if (words.size > 0) this.#insert(transaction.mapping.map(to), words, whose);
    return true;
  }

  #deleteBlock({ node, position }: Leaf, whose: Authorship): boolean {
    const { transaction } = this;
    const at = transaction.mapping.map(position);
    if (this.#owns(ofWord(node.attrs["inserted"]))) this.#take(at, at + node.nodeSize);
    else if (node.attrs["deleted"] === null) transaction.setNodeAttribute(at, "deleted", asWord(whose));
    return true;
  }

  /** Puts in what has no old block in it, each behind the block that it follows. */
  #insertBlocks(old: readonly Leaf[], after: Stretch, whose: Authorship): boolean {
    const known = new Set(old.map(({ id }) => id).filter((id) => id !== null));
    const { transaction } = this;
    const first = old[0];
    let last: Leaf | null = null;
    let changed = false;
    for (const node of after.nodes) {
      const leaves = leavesOf([node], 0).filter(({ id }) => id !== null && known.has(id));
      if (leaves.length > 0) {
        last = old.find(({ id }) => id === leaves.at(-1)?.id) ?? last;
        continue;
      }
      const $beside = last ? this.#state.doc.resolve(last.position) : null;
      const edge = $beside
        ? $beside.depth > 0
          ? $beside.after(1)
          : $beside.pos + (last?.node.nodeSize ?? 0)
        : first
          ? this.#state.doc.resolve(first.position).depth > 0
            ? this.#state.doc.resolve(first.position).before(1)
            : first.position
          : after.from;
      const at = transaction.mapping.map(Math.min(edge, this.#state.doc.content.size));
      const block = node.type.create({ ...node.attrs, inserted: asWord(whose) }, withoutSuggestions(node.content), node.marks);
      transaction.insert(at, block);
      transaction.setSelection(TextSelection.near(transaction.doc.resolve(at + block.nodeSize), -1));
      changed = true;
    }
    return changed;
  }
}

interface Leaf {
  readonly id: string | null;
  readonly node: Node;
  readonly position: number;
  readonly kind: string;
}

interface Stretch {
  readonly nodes: readonly Node[];
  readonly from: number;
  readonly to: number;
}

/** The blocks of the top of a document that are not the same ones in another. */
function changedBlocks(document: Node, other: Node): Stretch {
  const most = Math.min(document.childCount, other.childCount);
  let start = 0;
  while (start < most && document.child(start) === other.child(start)) start += 1;
  let end = 0;
  while (
    end < most - start &&
    document.child(document.childCount - 1 - end) === other.child(other.childCount - 1 - end)
  ) {
    end += 1;
  }
  const nodes = document.children.slice(start, document.childCount - end);
  const from = document.children.slice(0, start).reduce((sum, node) => sum + node.nodeSize, 0);
  return { nodes, from, to: from + nodes.reduce((sum, node) => sum + node.nodeSize, 0) };
}

/** Blocks that hold text, and those that hold nothing, with what they are to a reader. */
function leavesOf(nodes: readonly Node[], from: number): Leaf[] {
  const found: Leaf[] = [];
  const visit = (node: Node, position: number, around: readonly Node[]): void => {
    if (node.isTextblock || node.isLeaf) {
      const id: unknown = node.attrs["id"];
      found.push({ id: typeof id === "string" ? id : null, node, position, kind: kindOf(node, around) });
      return;
    }
    node.forEach((child, offset) => {
      visit(child, position + 1 + offset, [...around, node]);
    });
  };
  let position = from;
  for (const node of nodes) {
    visit(node, position, []);
    position += node.nodeSize;
  }
  return found;
}

function withoutSuggestions(content: Fragment): Fragment {
  const nodes: Node[] = [];
  content.forEach((node) => {
    if (deletionOf(node)) return;
    const kept = node.marks.filter(({ type }) => !pendingMarks.includes(type.name));
    const attributes = { ...node.attrs };
    for (const name of ["inserted", "deleted", "joined", "changed"]) if (name in attributes) attributes[name] = null;
    nodes.push(node.isText ? node.mark(kept) : node.type.create(attributes, withoutSuggestions(node.content), node.marks));
  });
  return Fragment.from(nodes);
}
