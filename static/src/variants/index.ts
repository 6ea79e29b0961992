import { getSchema } from "@tiptap/core";
import type { Node, Schema } from "@tiptap/pm/model";
import { Announcer } from "../editor/announcer";
import { showAvatars } from "../editor/avatars";
import { Banner } from "../editor/banner";
import { buildElement } from "../editor/build-element";
import { copyText } from "../editor/copy-text";
import { watchKeyboard } from "../editor/page-keys";
import { watchRefusals } from "../editor/refusal-banner";
import { tellRights } from "../editor/rights-notice";
import { showSaveState } from "../editor/save-status";
import { titleText } from "../editor/title";
import { say } from "../editor/words";
import { blocks } from "../editor/writing";
import { idleAfterSeconds, watchIdle } from "../live/idle";
import { deviceHere } from "../live/presence";
import { Session } from "../live/session";
import { showChip, showMeters } from "./meters";
import { type Overlay, readOverlay, variantsOf } from "./overlay";
import { type Account, readVariantsPage, type VariantsPage } from "./page";
import { showPeople, tellAccount } from "./people";
import { type Preview, Previews } from "./previews";
import { type Layout, layOut, type Whole } from "./resolve";
import { Sheet } from "./sheet";
import { readBody, wholeOf } from "./whole";

/** After this without any text, the page says that it is a picture of the last saved state. */
const patienceMilliseconds = 6000;
/** What many changes in a row are shown with, once. */
const drawMilliseconds = 40;

/** The document as the variants are made of it, read anew after a change. */
class Source {
  readonly #session: Session;
  readonly schema: Schema;
  #body: readonly Node[] | null = null;

  constructor(session: Session) {
    this.#session = session;
    this.schema = getSchema(blocks());
  }

  get title(): string {
    return titleText(this.#session.document)?.toJSON() ?? "";
  }

  get body(): readonly Node[] {
    this.#body ??= readBody(this.#session.document, this.schema);
    return this.#body;
  }

  changed(): void {
    this.#body = null;
  }

  overlay(account: string): Overlay {
    return readOverlay(variantsOf(this.#session.document), account);
  }

  layout(overlay: Overlay): Layout {
    return layOut(this.body, overlay);
  }

  whole(account: string): Whole {
    return wholeOf(this.#session.document, this.schema, account, this.body);
  }
}

class Variants {
  readonly #page: VariantsPage;
  readonly #session: Session;
  readonly #source: Source;
  readonly #previews: Previews;
  /** What the server said last of each account. */
  readonly #known = new Map<string, Preview>();
  #account: Account;
  #sheet: Sheet | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(page: VariantsPage, session: Session, account: Account) {
    this.#page = page;
    this.#session = session;
    this.#account = account;
    this.#source = new Source(session);
    this.#previews = new Previews({
      documentId: page.documentId,
      csrf: page.uploads.csrf,
      wholeOf: (id) => this.#source.whole(id),
      onPreview: (id, preview) => {
        this.#showPreview(id, preview);
      },
      onFailure: (id, sentence) => {
        if (id !== this.#account.id) return;
        if (sentence !== null) this.#sayOfPreview("variant.preview.refused", sentence);
        else this.#sayOfPreview(navigator.onLine ? "variant.preview.failed" : "variant.preview.offline");
      },
    });
    session.document.on("update", () => {
      this.#source.changed();
      this.#timer ??= setTimeout(() => {
        this.refresh();
      }, drawMilliseconds);
    });
    session.watch(() => {
      if (this.#mayWrite !== session.mayWrite) this.refresh();
    });
    window.addEventListener("popstate", () => {
      this.#show(this.#addressed());
    });
    for (const each of page.accounts) {
      each.link.addEventListener("click", (event) => {
        if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        if (each.id !== this.#account.id) window.history.pushState(null, "", each.link.href);
        this.#show(each);
      });
    }
    this.#show(account);
    this.#previews.look(page.accounts.map(({ id }) => id));
  }

  #mayWrite = false;

  /** Shows what the document and the variants say now. */
  readonly refresh = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source.changed();
    this.#mayWrite = this.#session.mayWrite;
    for (const { id, link } of this.#page.accounts) {
      const overlay = this.#source.overlay(id);
      const layout = this.#source.layout(overlay);
      const drifted = layout.orphans.length > 0 || layout.places.some(({ drift }) => drift !== null);
      const dot = link.querySelector<HTMLElement>("[data-drift]");
      if (dot) dot.hidden = !drifted;
      if (id === this.#account.id) this.#sheet?.update(layout, overlay, this.#source.title);
    }
    this.#previews.look(this.#page.accounts.map(({ id }) => id));
  };

  /** The whole text of the variant that is shown, for the clipboard. */
  copy(): Promise<boolean> {
    const { title, body } = this.#source.whole(this.#account.id);
    const node = this.#source.schema.nodeFromJSON({ type: "doc", content: body.length > 0 ? body : [{ type: "paragraph" }] });
    return copyText(title, node);
  }

  #addressed(): Account {
    const { pathname } = window.location;
    return this.#page.accounts.find(({ id }) => pathname.endsWith(`/${id}`)) ?? this.#page.accounts[0] ?? this.#account;
  }

  #show(account: Account): void {
    const page = this.#page;
    this.#sheet?.destroy();
    this.#account = account;
    for (const { id, link } of page.accounts) {
      if (id === account.id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    reveal(account.link);
    page.name.textContent = account.name;
    const known = this.#known.get(account.id);
    if (known) this.#draw(known);
    else {
      this.#draw({ meters: [], problems: [], parts: [], html: "" });
      this.#sayOfPreview(navigator.onLine ? "variant.preview.asking" : "variant.preview.offline");
    }
    this.#sheet = new Sheet(page, account, this.#session, this.#source.schema, this.refresh);
    tellAccount(this.#session.connection.awareness, account.id);
    this.refresh();
    page.text.dataset["live"] = "true";
    page.text.dataset["account"] = account.id;
    this.#previews.show(account.id);
  }

  #showPreview(id: string, preview: Preview): void {
    const account = this.#page.accounts.find((each) => each.id === id);
    const chip = account?.link.querySelector<HTMLElement>("[data-meter]");
    if (chip) showChip(chip, preview.meters);
    this.#known.set(id, preview);
    if (id === this.#account.id) this.#draw(preview);
  }

  #draw(preview: Preview): void {
    const { meters, problems, preview: place } = this.#page;
    showMeters(meters, preview.meters);
    problems.hidden = preview.problems.length === 0;
    problems.replaceChildren(
      ...preview.problems.map(({ sentence, blocks: stops }) =>
        buildElement("li", { class: "variant-problem", text: sentence, attributes: { "data-blocks": String(stops) } }),
      ),
    );
    // The server made it out of templates that escape all that a person wrote.
    place.innerHTML = preview.html;
    this.#sayOfPreview(preview.html.trim() === "" ? "variant.preview.nothing" : null);
  }

  /** `sentence`: the server's own, in place of the page's. */
  #sayOfPreview(word: string | null, sentence = ""): void {
    const { previewState } = this.#page;
    previewState.hidden = word === null;
    previewState.textContent = word === null ? "" : sentence || say(word);
  }
}

/** Brings the link of an account into sight within its list, and moves nothing else. */
function reveal(link: HTMLElement): void {
  const list = link.closest("nav");
  if (!list) return;
  const [there, here] = [list.getBoundingClientRect(), link.getBoundingClientRect()];
  list.scrollBy({
    left: here.left + here.width / 2 - there.left - there.width / 2,
    top: Math.max(0, here.bottom - there.bottom) + Math.min(0, here.top - there.top),
  });
}

/** On a phone either the text is shown or its preview. */
function watchTabs(root: HTMLElement): void {
  const tabs = [...root.querySelectorAll<HTMLButtonElement>("[data-tab-of]")];
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      root.dataset["tab"] = tab.dataset["tabOf"] ?? "text";
      for (const each of tabs) each.setAttribute("aria-pressed", String(each === tab));
    });
  }
}

async function start(): Promise<void> {
  const page = readVariantsPage();
  const first = page.accounts.find(({ link }) => link.hasAttribute("aria-current")) ?? page.accounts[0];
  if (!first) throw new Error("The page lists no account.");
  const announcer = new Announcer(page.announcements);
  const banner = new Banner(page.banner);
  const session = Session.begin({ url: page.collabUrl, documentId: page.documentId, epoch: page.epoch, rights: page.rights });
  const { awareness } = session.connection;
  awareness.setLocalStateField("user", page.me);
  awareness.setLocalStateField("device", deviceHere());
  watchIdle((idle) => {
    awareness.setLocalStateField("awaySince", idle ? Date.now() - idleAfterSeconds * 1000 : null);
    awareness.setLocalStateField("idle", idle);
  });
  let variants: Variants | null = null;
  showSaveState(session, announcer);
  showAvatars(awareness, { list: page.presence, content: page.text, title: page.name }, announcer);
  showPeople(awareness, page.accounts);
  tellRights(session, banner, page.rights);
  watchRefusals(session, banner, () => {
    void variants?.copy().then((copied) => {
      const button = page.banner.querySelector('[data-action="copy"]');
      if (button) button.textContent = say(copied ? "banner.copied" : "banner.copyFailed");
    });
  });
  watchKeyboard();
  watchTabs(page.root);
  const waiting = setTimeout(() => {
    if (session.connection.refusal === null) banner.show({ kind: "unreachable", text: say("banner.unreachable"), actions: [] });
  }, patienceMilliseconds);
  await session.ready();
  clearTimeout(waiting);
  banner.hide("unreachable");
  variants = new Variants(page, session, first);
}

void start();
