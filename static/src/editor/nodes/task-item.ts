import { mergeAttributes } from "@tiptap/core";
import { TaskItem } from "@tiptap/extension-list";

/** The box is shown but cannot be ticked in the server's rendering; in the editor a node view brings it to life. */
export const DocumentTaskItem = TaskItem.extend({
  renderHTML({ node, HTMLAttributes }) {
    return [
      "li",
      mergeAttributes(HTMLAttributes, { "data-type": "taskItem" }),
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
});
