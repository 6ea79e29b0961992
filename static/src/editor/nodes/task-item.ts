import { mergeAttributes } from "@tiptap/core";
import { TaskItem } from "@tiptap/extension-list";

/** The box is shown but cannot be ticked in the server's rendering; in the editor a node view brings it to life. */
export const DocumentTaskItem = TaskItem.extend({
  renderHTML({ node, HTMLAttributes }) {
    return [
      "li",
      mergeAttributes(this.options.HTMLAttributes, HTMLAttributes, { "data-type": "taskItem" }),
      [
        "label",
        [
          "input",
          {
            type: "checkbox",
            disabled: "disabled",
            checked: node.attrs["checked"] === true ? "checked" : null,
            "aria-label": "Done",
          },
        ],
        ["span"],
      ],
      ["div", 0],
    ];
  },

  addNodeView() {
    const make = this.parent?.();
    if (!make) return null;
    return (props) => {
      const view = make(props);
      const box = view.dom instanceof Element ? view.dom.querySelector("label") : null;
      // The hidden words beside the box would else decide in which direction the item runs.
      box?.setAttribute("dir", "ltr");
      return view;
    };
  },
});
