import { mergeAttributes } from "@tiptap/core";
import Link from "@tiptap/extension-link";
import { isSafeAddress } from "../addresses";

/** A link keeps only its address; rel and target are the same for all and are added when it is shown. */
export const SafeLink = Link.extend({
  inclusive: false,

  addAttributes() {
    return {
      href: { default: null, parseHTML: (element: HTMLElement) => element.getAttribute("href") },
    };
  },

  renderHTML({ HTMLAttributes }) {
    const { href, ...others } = HTMLAttributes as { href?: unknown };
    const address = typeof href === "string" && isSafeAddress(href) ? { href } : {};
    return [
      "a",
      mergeAttributes(others, address, { target: "_blank", rel: "noopener noreferrer nofollow" }),
      0,
    ];
  },
}).configure({
  openOnClick: false,
  autolink: true,
  linkOnPaste: true,
  markdownLinks: true,
  defaultProtocol: "https",
  isAllowedUri: (address) => isSafeAddress(address),
});
