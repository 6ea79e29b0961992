import Image from "@tiptap/extension-image";

/** An image is a block of its own and never carries its bytes: a data: address is uploaded, not stored. */
export const BlockImage = Image.extend({
  addAttributes() {
    const whole = (name: string) => (element: HTMLElement) => {
      const value = Number(element.getAttribute(name));
      return Number.isInteger(value) && value > 0 ? value : null;
    };
    return {
      src: { default: null },
      alt: { default: null },
      title: { default: null },
      width: { default: null, parseHTML: whole("width") },
      height: { default: null, parseHTML: whole("height") },
    };
  },
}).configure({ inline: false, allowBase64: false });
