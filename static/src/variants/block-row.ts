import type { Node } from "@tiptap/pm/model";
import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import { drawDrift } from "./drift-panel";
import { applyMerge, planMerge } from "./merging";
import { drawBlocks, OwnText, type Surroundings, textButton } from "./own-text";
import { plainOf } from "./plain";
import type { Drift, Place } from "./resolve";
import { shortWords } from "./text-editor";
import { readText } from "./variant";

function wordsOf(block: Node): string {
  if (block.type.name === "image") return say("variant.picture");
  return shortWords(plainOf([block]).text);
}

/** A block of the document on the page of a variant: as it is, with words of its own, or left out. */
export class BlockRow {
  readonly element = buildElement("div", { class: "variant-block", attributes: { role: "group" } });
  readonly #around: Surroundings;
  readonly #tools = buildElement("div", { class: "variant-block-tools" });
  readonly #body = buildElement("div", { class: "variant-block-body" });
  readonly #drift = buildElement("div");
  #text: OwnText | null = null;
  #shown: { readonly place: Place; readonly mayWrite: boolean } | null = null;
  #place: Place;

  constructor(around: Surroundings, place: Place) {
    this.#around = around;
    this.#place = place;
    this.element.append(this.#tools, this.#body, this.#drift);
  }

  update(place: Place): void {
    const { mayWrite } = this.#around.session;
    const before = this.#shown;
    this.#shown = { place, mayWrite };
    this.#place = place;
    const sameKind = before?.place.kind === place.kind && before.place.isUnused === place.isUnused;
    const sameBlock = before?.place.block.eq(place.block) ?? false;
    if (this.#text) this.#text.isEditable = mayWrite;
    if (!sameKind || !sameBlock || before.mayWrite !== mayWrite || before.place.id !== place.id) {
      this.element.dataset["block"] = place.id ?? "";
      this.element.dataset["kind"] = place.kind;
      this.element.toggleAttribute("data-unused", place.isUnused);
      this.element.setAttribute("aria-label", `${this.#kindWords()}: ${wordsOf(place.block)}`);
      this.#drawTools(mayWrite);
    }
    if (!sameKind || (place.kind !== "adapted" && !sameBlock)) this.#drawBody();
    // Whether both can be put together depends on what is written here meanwhile.
    if (place.drift !== null || before?.place.drift !== place.drift) this.#drawDrift(place.drift, mayWrite);
  }

  focus(): void {
    if (this.#text) this.#text.focus();
    else this.#tools.querySelector("button")?.focus();
  }

  destroy(): void {
    this.#text?.destroy();
    this.element.remove();
  }

  #kindWords(): string {
    const { kind } = this.#place;
    if (kind === "adapted") return say("variant.adapted");
    return kind === "left out" && !this.#place.isUnused ? say("variant.leftOut") : say("variant.unused");
  }

  #adapt(): void {
    this.#around.variant.adapt(this.#place.block);
    this.#around.refresh();
    this.focus();
  }

  #follow(): void {
    const { id } = this.#place;
    if (id === null) return;
    this.#around.variant.follow(id);
    this.#around.refresh();
    this.focus();
  }

  #drawTools(mayWrite: boolean): void {
    const { kind, id, isUnused, block } = this.#place;
    const had = this.#tools.contains(document.activeElement);
    const words = wordsOf(block);
    const children: HTMLElement[] = [];
    if (kind !== "follows" && !isUnused) {
      children.push(buildElement("span", { class: "variant-kind", text: this.#kindWords() }));
    }
    if (mayWrite && id !== null) {
      if (kind === "adapted") {
        children.push(textButton("follow", say("variant.follow"), () => { this.#follow(); }));
      } else if (isUnused) {
        children.push(
          textButton("adapt", say("variant.use"), () => { this.#adapt(); }, `${say("variant.use")}: ${words}`),
        );
      } else if (kind === "left out") {
        children.push(textButton("follow", say("variant.bringBack"), () => { this.#follow(); }, `${say("variant.bringBack")}: ${words}`));
      } else {
        children.push(
          textButton("adapt", say("variant.adapt"), () => { this.#adapt(); }, say("variant.adapt.of", { words })),
          textButton(
            "leave-out",
            say("variant.leaveOut"),
            () => {
              this.#around.variant.leaveOut(this.#place.block);
              this.#around.refresh();
              this.focus();
            },
            say("variant.leaveOut.of", { words }),
          ),
        );
      }
    } else if (mayWrite) {
      children.push(buildElement("span", { class: "variant-note", text: say("variant.noId") }));
    }
    this.#tools.replaceChildren(...children);
    if (had) this.#tools.querySelector("button")?.focus();
  }

  #drawBody(): void {
    const { kind, id, block } = this.#place;
    if (kind === "adapted" && id !== null) {
      const { variant, name } = this.#around;
      this.#text ??= new OwnText(this.#around, variant.roots.block(id), say("variant.label", { name }), () => {
        this.#tools.querySelector("button")?.focus();
      });
      this.#body.replaceChildren(this.#text.element);
      return;
    }
    const wasWriting = this.#text?.element.contains(document.activeElement) ?? false;
    this.#text?.destroy();
    this.#text = null;
    // Undone, by this person or by another one: the caret has no place here any more.
    if (wasWriting) this.#tools.querySelector("button")?.focus();
    if (kind === "left out") {
      this.#body.replaceChildren(buildElement("p", { class: "variant-left-out", text: wordsOf(block), attributes: { dir: "auto" } }));
    } else {
      this.#body.replaceChildren(drawBlocks(this.#around.schema, [block]));
    }
  }

  #drawDrift(drift: Drift, mayWrite: boolean): void {
    if (drift === null) {
      this.#drift.replaceChildren();
      delete this.element.dataset["drift"];
      return;
    }
    this.element.dataset["drift"] = "true";
    const { kind, block } = this.#place;
    const deeds: HTMLElement[] = [];
    const can = mayWrite && kind === "adapted" ? this.#merge(drift) : null;
    if (mayWrite) {
      if (can !== null) deeds.push(textButton("merge", say("variant.drift.merge"), can));
      const take = kind === "adapted" ? say("variant.drift.take") : say("variant.bringBack");
      deeds.push(textButton("take", take, () => { this.#follow(); }));
      deeds.push(
        textButton("keep", kind === "adapted" ? say("variant.drift.keep") : say("variant.leaveOut"), () => {
          this.#around.variant.reconcile(block);
          this.#around.refresh();
          this.focus();
        }),
      );
    }
    const heading = say(kind === "adapted" ? "variant.drift" : "variant.drift.leftOut");
    const key = JSON.stringify([drift, kind, mayWrite, can !== null]);
    const panel = this.#drift.firstElementChild;
    if (panel instanceof HTMLElement && panel.dataset["drift"] === key) return;
    const focused = this.#drift.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset["deed"]
      : undefined;
    const drawn = drawDrift(drift, heading, deeds);
    drawn.dataset["drift"] = key;
    this.#drift.replaceChildren(drawn);
    if (focused !== undefined) drawn.querySelector<HTMLElement>(`[data-deed="${focused}"]`)?.focus();
  }

  /** What puts the document's changes into the text here; null where only a person can. */
  #merge(drift: NonNullable<Drift>): (() => void) | null {
    const { variant, schema, session } = this.#around;
    const { id } = this.#place;
    if (id === null || !this.#text?.editor) return null;
    const plan = () => planMerge(drift, readText(session.document, variant.roots.block(id), schema));
    if (plan() === null) return null;
    return () => {
      const editor = this.#text?.editor;
      const changes = plan();
      if (!editor || changes === null) return;
      variant.reconcile(this.#place.block, () => {
        editor.view.dispatch(applyMerge(editor.state.tr, changes));
      });
      this.#around.refresh();
      this.focus();
    };
  }
}
