import type { Editor } from "@tiptap/core";
import { installComments } from "../comments";
import { idleAfterSeconds, watchIdle } from "../live/idle";
import { deviceHere } from "../live/presence";
import { Session } from "../live/session";
import { Suggestions } from "../suggesting";
import { Modes } from "../suggesting/modes";
import { Announcer } from "./announcer";
import { showAvatars } from "./avatars";
import { Banner } from "./banner";
import { copyText } from "./copy-text";
import { watchEmptySpace } from "./empty-space";
import { offerLeftovers } from "./leftover-banner";
import { createEditor, standStill, takeOver } from "./live-editor";
import { type Page, readPage } from "./page";
import { watchKeyboard, watchPageKeys } from "./page-keys";
import { watchRefusals } from "./refusal-banner";
import { tellRights } from "./rights-notice";
import { showSaveState } from "./save-status";
import { untilShowable } from "./strangers";
import { bindTitle, titleText } from "./title";
import { say } from "./words";

/** After this without any text to write into, the page says that it is a picture of the last saved state. */
const patienceMilliseconds = 6000;

function offerCopy(page: Page, editor: () => Editor | null): () => void {
  return () => {
    const current = editor();
    if (!current) return;
    void copyText(page.title.value, current.state.doc).then((copied) => {
      const button = page.banner.querySelector('[data-action="copy"]');
      if (button) button.textContent = say(copied ? "banner.copied" : "banner.copyFailed");
    });
  };
}

function bindTitleField(page: Page, session: Session, editor: Editor): void {
  const { awareness } = session.connection;
  const meta = session.document.getMap("meta");
  let untie: (() => void) | null = null;
  const tie = () => {
    untie?.();
    const text = titleText(session.document);
    page.title.readOnly = !session.mayWrite || text === null;
    untie =
      text &&
      bindTitle({
        field: page.title,
        text,
        untitled: say("title.untitled"),
        productName: say("product.name"),
        onLeave: () => {
          // The command alone focuses with the next frame, and letters typed until then would land in the title.
          editor.view.focus();
          editor.commands.focus("start");
        },
      });
  };
  // Another program may put another title, or none, in the place of the one that is written in.
  meta.observe(({ keysChanged }) => {
    if (keysChanged.has("title")) tie();
  });
  tie();
  page.title.addEventListener("focus", () => {
    awareness.setLocalStateField("title", true);
  });
  page.title.addEventListener("blur", () => {
    awareness.setLocalStateField("title", false);
  });
}

/** Rights and the mode may change while the page is open; the text follows without a reload. */
function followRights(page: Page, session: Session, editor: Editor, modes: Modes): void {
  const follow = () => {
    if (editor.isDestroyed) return;
    const may = session.rights !== "readonly" && modes.mode !== "viewing";
    if (editor.isEditable !== may) editor.setEditable(may, false);
    // A title cannot be suggested.
    page.title.readOnly = modes.mode !== "editing" || titleText(session.document) === null;
    page.content.dataset["editable"] = String(may);
  };
  session.watch(follow);
  modes.watch(follow);
  follow();
}

/**
 * Something that is no text came in among the blocks: the page shows what it has, says so, and begins anew when that
 * is gone. What was written here is saved, or in this browser, before it does.
 */
function stopFor(page: Page, session: Session, editor: Editor, banner: Banner): void {
  standStill(page, editor);
  void untilShowable(session, banner).then(() => {
    const leave = () => {
      if (!session.wouldLose) window.location.reload();
    };
    session.watch(leave);
    leave();
  });
}

/** A document just made is opened to be written: its first letters go into the title without a click. */
function welcomeWriter(page: Page, session: Session, editor: Editor): void {
  if (!session.mayWrite || document.activeElement !== document.body) return;
  if (page.title.value === "" && editor.isEmpty) page.title.focus();
}

async function start(): Promise<void> {
  const page = readPage();
  const announcer = new Announcer(page.announcements);
  const banner = new Banner(page.banner);
  const session = Session.begin({
    url: page.collabUrl,
    documentId: page.documentId,
    epoch: page.epoch,
    rights: page.rights,
    ticket: page.ticket,
    keepsCopy: page.keepsCopy,
  });
  const { awareness } = session.connection;
  awareness.setLocalStateField("user", page.me);
  awareness.setLocalStateField("device", deviceHere());
  watchIdle((idle) => {
    awareness.setLocalStateField("awaySince", idle ? Date.now() - idleAfterSeconds * 1000 : null);
    awareness.setLocalStateField("idle", idle);
  });
  let editor: Editor | null = null;
  showSaveState(session, announcer);
  showAvatars(awareness, { list: page.presence, content: page.content, title: page.title }, announcer);
  tellRights(session, banner, page.rights);
  watchRefusals(
    session,
    banner,
    offerCopy(page, () => editor),
  );
  watchKeyboard();
  watchPageKeys(announcer, (sentence) => {
    const place = document.querySelector<HTMLElement>("#save-hint");
    if (!place) return;
    place.textContent = sentence;
    place.hidden = false;
    setTimeout(() => {
      place.hidden = true;
    }, 4000);
  });

  const waiting = setTimeout(() => {
    if (session.connection.refusal === null) banner.show({ kind: "unreachable", text: say("banner.unreachable"), actions: [] });
  }, patienceMilliseconds);
  await session.ready();
  clearTimeout(waiting);
  banner.hide("unreachable");

  await untilShowable(session, banner);
  const modes = new Modes({ documentId: page.documentId, me: page.me.id, content: page.content, session, announcer });
  const live = createEditor(page, session, modes, () => {
    // Not in the middle of the change that brought it.
    queueMicrotask(() => {
      stopFor(page, session, live, banner);
    });
  });
  editor = live;
  takeOver(page, editor);
  bindTitleField(page, session, editor);
  followRights(page, session, editor, modes);
  const beside = new Suggestions({ page, session, editor, announcer, modes });
  installComments({ page, session, editor, announcer, beside });
  watchEmptySpace(editor, page.content);
  welcomeWriter(page, session, editor);
  await offerLeftovers({ page, session, editor, modes, banner });
}

void start();
