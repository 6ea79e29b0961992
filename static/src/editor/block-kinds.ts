import type { Editor, Range } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";

/** A kind of block that can be put in, or that a block can be turned into. Its words are `block.<name>` in the page. */
export interface BlockKind {
  readonly name: string;
  readonly group: "text" | "lists" | "more";
  readonly icon: string;
  /** Shown beside the name, as typed: "# " or a shortcut. */
  readonly typed: string;
  /** Can an existing block of text become this? */
  readonly turnInto: boolean;
  readonly apply: (editor: Editor, replaced: Range | null) => void;
}

type Chain = ReturnType<Editor["chain"]>;

function begin(editor: Editor, replaced: Range | null): Chain {
  const chain = editor.chain().focus();
  return replaced === null ? chain : chain.deleteRange(replaced);
}

function idsOfTextblocks(document: Node, from: number, to: number): { id: unknown; position: number }[] {
  const found: { id: unknown; position: number }[] = [];
  document.nodesBetween(from, to, (node, position) => {
    if (node.isTextblock) found.push({ id: node.attrs["id"], position });
  });
  return found;
}

/**
 * Leaves lists and quotes first, so that "turn into" means the same wherever the block stands. The block
 * keeps its id through that: what refers to it from outside goes on referring to it.
 */
function plain(editor: Editor, replaced: Range | null): Chain {
  const { doc, selection } = editor.state;
  const before = idsOfTextblocks(doc, selection.from, selection.to);
  return begin(editor, replaced)
    .clearNodes()
    .command(({ tr }) => {
      const after = idsOfTextblocks(tr.doc, tr.selection.from, tr.selection.to);
      for (const [index, { id, position }] of after.entries()) {
        const kept = before[index]?.id;
        if (after.length === before.length && id !== kept) tr.setNodeAttribute(position, "id", kept);
      }
      return true;
    });
}

const headings = ([1, 2, 3] as const).map(
  (level): BlockKind => ({
    name: `heading${String(level)}`,
    group: "text",
    icon: `heading${String(level)}`,
    typed: "#".repeat(level),
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).setNode("heading", { level }).run();
    },
  }),
);

export const blockKinds: readonly BlockKind[] = [
  {
    name: "paragraph",
    group: "text",
    icon: "paragraph",
    typed: "",
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).setNode("paragraph").run();
    },
  },
  ...headings,
  {
    name: "bulletList",
    group: "lists",
    icon: "bulletList",
    typed: "-",
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).toggleBulletList().run();
    },
  },
  {
    name: "orderedList",
    group: "lists",
    icon: "orderedList",
    typed: "1.",
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).toggleOrderedList().run();
    },
  },
  {
    name: "taskList",
    group: "lists",
    icon: "taskList",
    typed: "[ ]",
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).toggleTaskList().run();
    },
  },
  {
    name: "blockquote",
    group: "more",
    icon: "blockquote",
    typed: ">",
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).setBlockquote().run();
    },
  },
  {
    name: "codeBlock",
    group: "more",
    icon: "codeBlock",
    typed: "```",
    turnInto: true,
    apply: (editor, replaced) => {
      plain(editor, replaced).setCodeBlock().run();
    },
  },
  {
    name: "table",
    group: "more",
    icon: "table",
    typed: "",
    turnInto: false,
    apply: (editor, replaced) => {
      begin(editor, replaced).insertTable({ rows: 3, cols: 3, withHeaderRow: true }).run();
    },
  },
  {
    name: "image",
    group: "more",
    icon: "image",
    typed: "",
    turnInto: false,
    apply: (editor, replaced) => {
      begin(editor, replaced).run();
      editor.commands.pickImages();
    },
  },
  {
    name: "horizontalRule",
    group: "more",
    icon: "horizontalRule",
    typed: "---",
    turnInto: false,
    apply: (editor, replaced) => {
      begin(editor, replaced).setHorizontalRule().run();
    },
  },
];
