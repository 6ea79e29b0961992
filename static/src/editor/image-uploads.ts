import { type Editor, Extension } from "@tiptap/core";
import { type EditorState, Plugin, PluginKey, type Transaction } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { blockWithId } from "./block-actions";
import { buildElement } from "./build-element";
import { readPastedStyles } from "./paste-html";
import { takeImages } from "./pasted-images";
import { acceptedTypes, problemWith, uploadFile, type UploadedAsset, UploadProblem, type UploadTarget } from "./upload";
import { say } from "./words";

declare module "@tiptap/core" {
  interface Commands<ReturnType> {
    imageUploads: {
      /** Lets the person choose pictures from the device. */
      pickImages: () => ReturnType;
    };
  }
}

/**
 * An upload on its way or failed. It lives only in this window, as a decoration: others see the picture
 * when it is there. Its place is the id of the block before it, because a change from elsewhere redraws
 * the whole document and a position would be lost.
 */
interface Upload {
  readonly key: string;
  readonly file: File;
  readonly after: string | null;
  readonly element: HTMLElement;
  readonly abort: AbortController;
}

const key = new PluginKey<readonly Upload[]>("imageUploads");

function endOfPlace(state: EditorState, after: string | null): number {
  const place = after === null ? null : blockWithId(state.doc, after);
  return place ? place.from + place.node.nodeSize : state.doc.content.size;
}

/** Pictures stand between the blocks of the document, never inside a list or a table. */
function blockBefore(state: EditorState, position: number): string | null {
  const $position = state.doc.resolve(Math.min(position, state.doc.content.size));
  const node = $position.depth > 0 ? $position.node(1) : $position.nodeBefore;
  const id: unknown = node?.attrs["id"];
  return typeof id === "string" ? id : null;
}

function insertPicture(editor: Editor, upload: Upload, asset: UploadedAsset): void {
  const { state } = editor;
  const image = state.schema.nodes["image"]?.create({
    src: asset.url,
    alt: "",
    width: asset.width,
    height: asset.height,
  });
  if (!image) return;
  const place = upload.after === null ? null : blockWithId(state.doc, upload.after);
  const { tr } = state;
  const end = endOfPlace(state, upload.after);
  const emptyParagraph = place?.node.type.name === "paragraph" && place.node.content.size === 0;
  if (place && emptyParagraph) tr.insert(place.from, image);
  else tr.insert(end, image);
  // There must be a line to go on writing on.
  const after = tr.doc.resolve(end + image.nodeSize).nodeAfter;
  if (!emptyParagraph && after === null) {
    const paragraph = state.schema.nodes["paragraph"]?.create();
    if (paragraph) tr.insert(end + image.nodeSize, paragraph);
  }
  editor.view.dispatch(tr.setMeta(key, { remove: upload.key }));
}

function progressElement(file: File): HTMLElement {
  return buildElement("div", {
    class: "upload",
    attributes: { contenteditable: "false", "data-upload": "sending", role: "group", "aria-label": file.name },
  });
}

function showSending(upload: Upload): (share: number) => void {
  const bar = buildElement("progress", {
    attributes: { max: "1", "aria-label": say("upload.sending", { name: upload.file.name }) },
  });
  const words = buildElement("span", { text: say("upload.sending", { name: upload.file.name }) });
  upload.element.dataset["upload"] = "sending";
  upload.element.replaceChildren(words, bar);
  return (share) => {
    bar.value = share;
  };
}

function showProblem(editor: Editor, upload: Upload, problem: UploadProblem, target: UploadTarget): void {
  const again = buildElement("button", { class: "text-button", text: say("upload.retry"), attributes: { type: "button", "data-action": "retry" } });
  again.addEventListener("click", () => {
    void send(editor, upload, target);
  });
  const drop = buildElement("button", { class: "text-button", text: say("upload.remove"), attributes: { type: "button", "data-action": "remove" } });
  drop.addEventListener("click", () => {
    editor.view.dispatch(editor.state.tr.setMeta(key, { remove: upload.key }));
    editor.commands.focus();
  });
  upload.element.dataset["upload"] = "failed";
  upload.element.replaceChildren(
    buildElement("span", { text: problem.message, attributes: { role: "alert" } }),
    ...(problem.retry ? [again] : []),
    drop,
  );
}

async function send(editor: Editor, upload: Upload, target: UploadTarget): Promise<void> {
  const wrong = problemWith(upload.file, target);
  if (wrong !== null) {
    showProblem(editor, upload, wrong, target);
    return;
  }
  try {
    const asset = await uploadFile(upload.file, target, showSending(upload), upload.abort.signal);
    if (!editor.isDestroyed) insertPicture(editor, upload, asset);
  } catch (problem) {
    if (!(problem instanceof UploadProblem)) throw problem;
    if (!editor.isDestroyed) showProblem(editor, upload, problem, target);
  }
}

function addPictures(editor: Editor, files: readonly File[], position: number, target: UploadTarget): void {
  if (!editor.isEditable) return;
  const after = blockBefore(editor.state, position);
  for (const file of files) {
    const upload: Upload = {
      key: crypto.randomUUID(),
      file,
      after,
      element: progressElement(file),
      abort: new AbortController(),
    };
    editor.view.dispatch(editor.state.tr.setMeta(key, { add: upload }));
    void send(editor, upload, target);
  }
}

function picturesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.type.startsWith("image/"));
}

function apply(transaction: Transaction, uploads: readonly Upload[]): readonly Upload[] {
  const change = transaction.getMeta(key) as { add?: Upload; remove?: string } | undefined;
  if (change?.add) return [...uploads, change.add];
  if (change?.remove !== undefined) return uploads.filter((upload) => upload.key !== change.remove);
  return uploads;
}

/** Pictures by paste, drop and picker: the bytes go to the server, the document gets only the address. */
export function imageUploads(target: UploadTarget): Extension {
  return Extension.create({
    name: "imageUploads",

    addCommands() {
      return {
        pickImages:
          () =>
          ({ editor }) => {
            const input = buildElement("input", {
              attributes: { type: "file", accept: acceptedTypes.join(","), multiple: "" },
            });
            const { from } = editor.state.selection;
            input.addEventListener("change", () => {
              addPictures(editor, [...(input.files ?? [])], from, target);
            });
            input.click();
            return true;
          },
      };
    },

    addProseMirrorPlugins() {
      const { editor } = this;
      return [
        new Plugin<readonly Upload[]>({
          key,
          state: { init: () => [], apply: (transaction, uploads) => apply(transaction, uploads) },
          view: () => ({
            destroy: () => {
              for (const upload of key.getState(editor.state) ?? []) upload.abort.abort();
            },
          }),
          props: {
            decorations: (state) =>
              DecorationSet.create(
                state.doc,
                (key.getState(state) ?? []).map((upload) =>
                  Decoration.widget(endOfPlace(state, upload.after), upload.element, {
                    key: upload.key,
                    side: 1,
                    stopEvent: () => true,
                    ignoreSelection: true,
                  }),
                ),
              ),
            handlePaste: (view, event) => {
              const files = picturesOf(event.clipboardData);
              const html = event.clipboardData?.getData("text/html") ?? "";
              // Word processors put a picture of the text beside the text; then the text is meant.
              const onlyPicture = html === "" || /^\s*(?:<meta[^>]*>|<!--.*?-->|<\/?(?:html|body)[^>]*>|\s)*<img\b[^>]*>\s*(?:<!--.*?-->|<\/?(?:html|body)[^>]*>|\s)*$/is.test(html);
              if (files.length === 0 || !onlyPicture) return false;
              addPictures(editor, files, view.state.selection.from, target);
              return true;
            },
            handleDrop: (view, event) => {
              // A file that is no picture is named as such: the browser would leave the page for it.
              const files = [...(event.dataTransfer?.files ?? [])];
              if (files.length === 0) return false;
              event.preventDefault();
              const at = view.posAtCoords({ left: event.clientX, top: event.clientY });
              addPictures(editor, files, at?.pos ?? view.state.doc.content.size, target);
              return true;
            },
            transformPastedHTML: (html, view) => {
              const taken = takeImages(readPastedStyles(html), window.location.origin);
              if (taken.files.length > 0) {
                const { from } = view.state.selection;
                // After the paste itself, so that the block the pictures follow exists.
                setTimeout(() => {
                  addPictures(editor, taken.files, from, target);
                });
              }
              return taken.html;
            },
          },
        }),
      ];
    },
  });
}
