import Image from "@tiptap/extension-image";
import { shownAt, storedAs } from "../picture-addresses";

/** An image is a block of its own and never carries its bytes: a data: address is uploaded, not stored. */
export const BlockImage = Image.extend({
  addAttributes() {
    const whole = (name: string) => (element: HTMLElement) => {
      const value = Number(element.getAttribute(name));
      return Number.isInteger(value) && value > 0 ? value : null;
    };
    return {
      src: {
        default: null,
        parseHTML: (element: HTMLElement) => storedAs(element.getAttribute("src")),
        renderHTML: ({ src }: Record<string, unknown>) => ({ src: shownAt(typeof src === "string" ? src : null) }),
      },
      alt: { default: null },
      title: { default: null },
      width: { default: null, parseHTML: whole("width") },
      height: { default: null, parseHTML: whole("height") },
    };
  },
}).configure({ inline: false, allowBase64: false });
