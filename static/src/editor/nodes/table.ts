import { mergeAttributes } from "@tiptap/core";
import { Table, TableCell, TableHeader } from "@tiptap/extension-table";
import type { NodeView } from "@tiptap/pm/view";
import { blockSuggestions } from "../../suggesting/marks";

function readColumnWidths(element: HTMLElement): number[] | null {
  const widths = element.getAttribute("colwidth")?.split(",").map(Number);
  return widths?.every((width) => Number.isInteger(width) && width > 0) ? widths : null;
}

const cellAttributes = {
  colspan: { default: 1 },
  rowspan: { default: 1 },
  colwidth: { default: null, parseHTML: readColumnWidths },
};

export const DocumentTableCell = TableCell.extend({
  addAttributes() {
    return cellAttributes;
  },
});

export const DocumentTableHeader = TableHeader.extend({
  addAttributes() {
    return cellAttributes;
  },
});

/** A table without inline styles (the page's policy forbids them) in a box that scrolls sideways by itself. */
export const DocumentTable = Table.extend({
  renderHTML({ HTMLAttributes }) {
    return ["table", mergeAttributes(HTMLAttributes), ["tbody", 0]];
  },

  addNodeView() {
    return ({ node, HTMLAttributes }): NodeView => {
      let shown = node;
      const dom = document.createElement("div");
      dom.className = "table-scroll";
      const table = dom.appendChild(document.createElement("table"));
      for (const [name, value] of Object.entries(HTMLAttributes)) table.setAttribute(name, String(value));
      const contentDOM = table.appendChild(document.createElement("tbody"));
      return {
        dom,
        contentDOM,
        update(updated) {
          // What is suggested of it shows in its attributes: it is drawn anew when somebody decides.
          if (updated.type !== shown.type || blockSuggestions.some((name) => updated.attrs[name] !== shown.attrs[name])) return false;
          shown = updated;
          const id: unknown = updated.attrs["id"];
          if (typeof id === "string") table.dataset["id"] = id;
          return true;
        },
        ignoreMutation: (mutation) =>
          mutation.type === "attributes" && (mutation.target === dom || mutation.target === table),
      };
    };
  },
});
