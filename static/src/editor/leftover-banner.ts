import { type Editor, getSchema } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { findLeftovers, type Leftover } from "../live/leftovers";
import type { Session } from "../live/session";
import { decision } from "../suggesting/decide";
import type { Modes } from "../suggesting/modes";
import { track } from "../suggesting/track";
import { showToast } from "../ui/toast";
import type { Banner } from "./banner";
import { copyText } from "./copy-text";
import { ForeignBlock } from "./nodes/foreign-block";
import type { Page } from "./page";
import { readBlocks } from "./reading";
import { documentExtensions } from "./schema";
import { titleText } from "./title";
import { say, sayCount } from "./words";

const askedKey = "quillroom:suggest-leftovers";

interface Parts {
  readonly page: Page;
  readonly session: Session;
  readonly editor: Editor;
  readonly modes: Modes;
  readonly banner: Banner;
}

/** After the page has begun anew, what was put aside is to be suggested without a further question. */
export function askToSuggest(): void {
  try {
    sessionStorage.setItem(askedKey, window.location.pathname);
  } catch {
    // Then the banner asks.
  }
}

function wasAsked(): boolean {
  try {
    const asked = sessionStorage.getItem(askedKey) === window.location.pathname;
    sessionStorage.removeItem(askedKey);
    return asked;
  } catch {
    return false;
  }
}

function textOf(leftover: Leftover): Node {
  const schema = getSchema([...documentExtensions({ writable: false }), ForeignBlock]);
  const blocks = readBlocks(leftover.document.getXmlFragment("default"), schema, new Map());
  return schema.topNodeType.create(null, blocks);
}

/** Suggests to make the document what was written here. */
function suggest({ editor, modes, banner }: Parts, leftover: Leftover): void {
  const { state } = editor;
  const blocks = readBlocks(leftover.document.getXmlFragment("default"), state.schema, new Map());
  const wanted = state.tr.replaceWith(0, state.doc.content.size, blocks);
  const tracked = track(wanted, state, modes.author);
  if (tracked === null) {
    showToast(say("suggest.cannot"));
    return;
  }
  editor.view.dispatch(tracked.setMeta(decision, true));
  void leftover.discard().then(() => {
    banner.hide("leftover");
    showToast(say("leftover.suggested"));
  });
}

function show(parts: Parts, leftover: Leftover): void {
  const { page, banner } = parts;
  const why = say(leftover.aside ? "leftover.aside" : "leftover.text");
  banner.show({
    kind: "leftover",
    text: `${why} ${sayCount("leftover.edits", leftover.edits)}`,
    actions: [
      ...(parts.session.rights === "readonly"
        ? []
        : [
            {
              name: "suggest",
              label: say("leftover.suggest"),
              run: () => {
                suggest(parts, leftover);
              },
            },
          ]),
      {
        name: "copy",
        label: say("leftover.copy"),
        run: () => {
          void copyText(titleText(leftover.document)?.toJSON() ?? "", textOf(leftover)).then((copied) => {
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

/** Offers what was written here and never became part of the document. */
export async function offerLeftovers(parts: Parts): Promise<void> {
  const [first] = await findLeftovers(parts.page.documentId, parts.page.epoch);
  const asked = wasAsked();
  if (!first) return;
  show(parts, first);
  if (asked && parts.session.rights !== "readonly") suggest(parts, first);
}
