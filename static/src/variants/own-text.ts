import type { Editor } from "@tiptap/core";
import { DOMSerializer, type Node, type Schema } from "@tiptap/pm/model";
import { buildElement } from "../editor/build-element";
import type { UploadTarget } from "../editor/upload";
import { say } from "../editor/words";
import type { Session } from "../live/session";
import { openText } from "./text-editor";
import { readText, type Variant } from "./variant";

/** What everything on the page of one variant needs. */
export interface Surroundings {
  readonly session: Session;
  readonly uploads: UploadTarget;
  readonly schema: Schema;
  readonly variant: Variant;
  /** The account's name, for what is read out. */
  readonly name: string;
  /** Shows at once what was just decided. */
  readonly refresh: () => void;
}

/** Draws blocks to be read: by the same rules as the editor, which writes the same elements. */
export function drawBlocks(schema: Schema, blocks: readonly Node[]): HTMLElement {
  const body = buildElement("div", { class: "prose-body" });
  const draw = DOMSerializer.fromSchema(schema);
  for (const block of blocks) body.append(draw.serializeNode(block));
  for (const box of body.querySelectorAll("input")) box.disabled = true;
  return buildElement("div", { class: "prose", attributes: { "data-live": "false" }, children: [body] });
}

/** One text of the variant, live. It is read by whoever may not write, with the carets of those who do. */
export class OwnText {
  readonly element = buildElement("div", { class: "prose variant-own", attributes: { "data-live": "true" } });
  editor: Editor | null;

  constructor(surroundings: Surroundings, root: string, label: string, onLeave: () => void) {
    const { session, uploads, variant, schema, name } = surroundings;
    // Whoever began it: what this person writes in it is theirs to take back.
    variant.undo.addToScope(session.document.getXmlFragment(root));
    this.editor = openText(this.element, {
      session,
      uploads,
      undo: variant.undo,
      root,
      label,
      placeholder: say("variant.placeholder", { name }),
      isEditable: session.mayWrite,
      onLeave,
      onStrangers: () => {
        // Not in the middle of the change that brought it.
        queueMicrotask(() => {
          this.destroy();
          this.element.replaceChildren(
            buildElement("p", { class: "variant-note", text: say("variant.stopped") }),
            ...drawBlocks(schema, readText(session.document, root, schema)).children,
          );
        });
      },
    });
    this.element.dataset["editable"] = String(session.mayWrite);
  }

  set isEditable(may: boolean) {
    if (this.editor === null || this.editor.isEditable === may) return;
    this.editor.setEditable(may, false);
    this.element.dataset["editable"] = String(may);
  }

  focus(): void {
    this.editor?.view.focus();
    this.editor?.commands.focus("end");
  }

  destroy(): void {
    this.editor?.destroy();
    this.editor = null;
  }
}

/** A button with words. `label`: what is read out where the words alone say too little. */
export function textButton(name: string, words: string, run: () => void, label?: string): HTMLButtonElement {
  const button = buildElement("button", {
    class: "button variant-deed",
    text: words,
    attributes: { type: "button", "data-deed": name, "data-kind": "quiet", ...(label !== undefined && { "aria-label": label }) },
  });
  button.addEventListener("click", run);
  return button;
}
