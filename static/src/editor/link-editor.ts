import { type Editor, getMarkRange } from "@tiptap/core";
import type { EditorState } from "@tiptap/pm/state";
import { completeAddress, isSafeAddress } from "./addresses";
import { buildElement, iconButton } from "./build-element";
import { addPanel, placeBesideText } from "./place-panel";
import { say } from "./words";

/** Extends the selection to the whole link the caret stands in. */
function selectLink(editor: Editor): void {
  const { state } = editor;
  const type = state.schema.marks["link"];
  const range = type && state.selection.empty ? getMarkRange(state.selection.$from, type) : undefined;
  if (range) editor.commands.setTextSelection(range);
}

function isLinkable(state: EditorState): boolean {
  return state.selection.$from.parent.inlineContent && !state.selection.$from.parent.type.spec.code;
}

let close: (() => void) | null = null;

/** A small form for the address of a link. With nothing selected, the address itself becomes the text. */
export function openLinkEditor(editor: Editor): void {
  close?.();
  if (!editor.isEditable || !isLinkable(editor.state)) return;
  selectLink(editor);
  const current: unknown = editor.getAttributes("link")["href"];
  const address = typeof current === "string" && isSafeAddress(current) ? current : "";

  const problem = buildElement("p", { class: "link-problem", attributes: { id: "link-problem", role: "alert" } });
  problem.hidden = true;
  const input = buildElement("input", {
    attributes: {
      type: "text",
      inputmode: "url",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": say("link.address"),
      "aria-describedby": "link-problem",
      placeholder: say("link.placeholder"),
    },
  });
  input.value = address;
  const form = buildElement("form", {
    class: "palette link-editor",
    attributes: { "data-link-editor": "", "aria-label": say("link.label"), novalidate: "" },
    children: [input],
  });
  const { from, to } = editor.state.selection;
  const finish = () => {
    close = null;
    document.removeEventListener("pointerdown", outside, true);
    form.remove();
  };
  const outside = (event: PointerEvent) => {
    if (event.target instanceof Node && !form.contains(event.target)) finish();
  };
  const apply = () => {
    if (input.value.trim() === "") {
      finish();
      editor.chain().focus().unsetLink().run();
      return;
    }
    const href = completeAddress(input.value);
    if (href === null) {
      problem.textContent = say("link.unsafe");
      problem.hidden = false;
      input.setAttribute("aria-invalid", "true");
      input.focus();
      return;
    }
    finish();
    if (editor.state.selection.empty) {
      editor
        .chain()
        .focus()
        .insertContent({ type: "text", text: href, marks: [{ type: "link", attrs: { href } }] })
        .run();
    } else {
      editor.chain().focus().setLink({ href }).run();
    }
  };
  form.append(
    iconButton({ label: say("link.apply"), icon: "check", onPress: apply }),
    ...(address === ""
      ? []
      : [
          iconButton({
            label: say("link.open"),
            icon: "open",
            onPress: () => window.open(address, "_blank", "noopener,noreferrer"),
          }),
          iconButton({
            label: say("link.remove"),
            icon: "unlink",
            onPress: () => {
              finish();
              editor.chain().focus().unsetLink().run();
            },
          }),
        ]),
    problem,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === input) {
      event.preventDefault();
      apply();
    }
    if (event.key !== "Escape") return;
    event.stopPropagation();
    finish();
    editor.commands.focus();
  });
  close = finish;
  document.addEventListener("pointerdown", outside, true);
  addPanel(form);
  void placeBesideText(form, editor.view, from, to);
  input.focus();
  input.select();
}
