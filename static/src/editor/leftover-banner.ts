import { getSchema } from "@tiptap/core";
import { findLeftovers, type Leftover } from "../live/leftovers";
import type { Banner } from "./banner";
import { copyText } from "./copy-text";
import type { Page } from "./page";
import { ForeignBlock } from "./nodes/foreign-block";
import { readBlocks } from "./reading";
import { documentExtensions } from "./schema";
import { titleText } from "./title";
import { say, sayCount } from "./words";

function show(page: Page, banner: Banner, leftover: Leftover): void {
  banner.show({
    kind: "leftover",
    text: `${say("leftover.text")} ${sayCount("leftover.edits", leftover.edits)}`,
    actions: [
      {
        name: "copy",
        label: say("leftover.copy"),
        run: () => {
          const schema = getSchema([...documentExtensions({ writable: false }), ForeignBlock]);
          const blocks = readBlocks(leftover.document.getXmlFragment("default"), schema, new Map());
          const text = schema.topNodeType.create(null, blocks);
          void copyText(titleText(leftover.document)?.toJSON() ?? "", text).then((copied) => {
            const button = page.banner.querySelector('[data-action="copy"]');
            if (button) button.textContent = say(copied ? "banner.copied" : "banner.copyFailed");
          });
        },
      },
      {
        name: "discard",
        label: say("leftover.discard"),
        run: () => {
          void leftover.discard().then(() => {
            banner.hide("leftover");
          });
        },
      },
    ],
  });
}

/** Offers what was written here before the document was replaced on the server. */
export async function offerLeftovers(page: Page, banner: Banner): Promise<void> {
  const [first] = await findLeftovers(page.documentId, page.epoch);
  if (first) show(page, banner, first);
}
