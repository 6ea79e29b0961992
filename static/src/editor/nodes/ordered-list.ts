import { OrderedList } from "@tiptap/extension-list";

export const DocumentOrderedList = OrderedList.extend({
  addAttributes() {
    return {
      start: {
        default: 1,
        parseHTML: (element: HTMLElement) => {
          const start = Number(element.getAttribute("start") ?? 1);
          return Number.isInteger(start) ? start : 1;
        },
      },
    };
  },
});
