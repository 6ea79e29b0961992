import { showToastWithAction } from "../ui/toast";
import { clockOf, dayOf, dayWords, later, placeAt } from "./calendar-places";

const quarter = 15;
const hour = 60;
const day = 24 * hour;

/** A publication that is being moved or copied: where it stood, and the time that it would come to. */
interface Move {
  chip: HTMLElement;
  from: string;
  to: string;
  isCopy: boolean;
}

/**
 * [data-calendar]: chips are dragged to another day or hour, or moved by keys (M, or Alt and an arrow, then arrows and
 * Enter; Escape leaves it), each with a way back in a toast. Dragged with Alt, or by C, they are copied: a dialog asks to
 * which account. T, D, W, M and the arrows lead to other days and views; a click on an hour begins a post there.
 */
export function watchCalendar(): void {
  if (!calendar()) return;
  let move: Move | undefined;

  const mark = () => {
    for (const each of document.querySelectorAll("[data-target]")) each.removeAttribute("data-target");
    if (move) placeAt(move.to)?.setAttribute("data-target", clockOf(move.to));
  };
  const end = () => {
    move?.chip.removeAttribute("data-moving");
    move = undefined;
    mark();
  };
  const begin = (chip: HTMLElement) => {
    const from = chip.dataset["at"] ?? "";
    move = { chip, from, to: from, isCopy: false };
    chip.setAttribute("data-moving", "");
  };
  const drop = () => {
    const done = move;
    end();
    if (!done) return;
    if (done.isCopy) askWhere(done.chip, done.to);
    else if (done.to !== done.from) void send(done.chip, done.to, done.from);
  };
  const step = (minutes: number) => {
    if (!move) return;
    move.to = later(move.to, minutes);
    mark();
    say(move.to);
  };

  document.addEventListener("dragstart", (event) => {
    const chip = chipOf(event.target);
    if (!chip) return;
    begin(chip);
    event.dataTransfer?.setData("text/plain", chip.textContent);
  });
  document.addEventListener("dragover", (event) => {
    const to = move ? dayOf(event.target, event.clientY, move.from) : undefined;
    if (!move || !to) return;
    event.preventDefault();
    move.isCopy = event.altKey;
    if (event.dataTransfer) event.dataTransfer.dropEffect = event.altKey ? "copy" : "move";
    if (to === move.to) return;
    move.to = to;
    mark();
  });
  document.addEventListener("drop", (event) => {
    if (!move) return;
    event.preventDefault();
    drop();
  });
  document.addEventListener("dragend", end);
  document.addEventListener("focusout", (event) => {
    if (event.target === move?.chip) end();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    const chip = chipOf(event.target);
    if (event.altKey && chip && event.key.startsWith("Arrow")) {
      if (!move) begin(chip);
      step({ ArrowUp: -hour, ArrowDown: hour, ArrowLeft: -day, ArrowRight: day }[event.key] ?? 0);
      event.preventDefault();
      return;
    }
    if (event.altKey) return;
    if (move) {
      // Within a day only where its hours are shown; in a month up and down are weeks.
      const upright = calendar()?.querySelector(".hours") ? quarter : 7 * day;
      const minutes = { ArrowUp: -upright, ArrowDown: upright, ArrowLeft: -day, ArrowRight: day }[event.key];
      if (minutes !== undefined) step(minutes);
      else if (event.key === "Enter") drop();
      else if (event.key === "Escape") end();
      else return;
      event.preventDefault();
      return;
    }
    if (chip && event.key.toLowerCase() === "m") {
      event.preventDefault();
      begin(chip);
      mark();
      say(chip.dataset["at"] ?? "");
      return;
    }
    if (chip && event.key.toLowerCase() === "c") {
      event.preventDefault();
      askWhere(chip, chip.dataset["at"] ?? "");
      return;
    }
    const place = { t: "today", d: "day", w: "week", m: "month", ArrowLeft: "before", ArrowRight: "after" }[
      event.key.length === 1 ? event.key.toLowerCase() : event.key
    ];
    const address = place ? calendar()?.dataset[place] : undefined;
    if (!address || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    location.assign(address);
  });
  document.addEventListener("click", (event) => {
    const place = calendar()?.dataset["begins"];
    // The hour itself, and nothing that stands in it.
    if (!place || !(event.target instanceof HTMLElement) || !event.target.matches("[data-hour]:not([data-past])")) return;
    const begins = event.target.dataset["hour"] ?? "";
    const date = event.target.closest<HTMLElement>("[data-date]")?.dataset["date"] ?? "";
    location.assign(`${place}?at=${date}T${begins}`);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-copy-form]")) return;
    event.preventDefault();
    form.closest("dialog")?.close();
    void copy(form);
  });
}

async function send(chip: HTMLElement, to: string, back: string | undefined): Promise<void> {
  const body = new URLSearchParams({ time: to, shown_in: calendar()?.dataset["zone"] ?? "UTC" });
  if (back !== undefined) body.set("version", chip.dataset["version"] ?? "");
  const answer = await post(`/publications/${chip.dataset["chip"] ?? ""}/move`, body, "moved");
  if (answer === undefined) return;
  const words = `Moved to ${dayWords(to)}. ${answer}`.trim();
  if (back === undefined) showToastWithAction(words);
  else showToastWithAction(words, { label: "Undo", act: () => void send(chip, back, undefined) });
}

async function copy(form: HTMLFormElement): Promise<void> {
  const body = new URLSearchParams({ shown_in: calendar()?.dataset["zone"] ?? "UTC" });
  for (const [name, value] of new FormData(form)) if (typeof value === "string") body.set(name, value);
  const answer = await post(form.action, body, "copied");
  if (answer !== undefined) showToastWithAction(`Copied to ${dayWords(body.get("time") ?? "")}. ${answer}`.trim());
}

/** Returns what the server says to it; undefined if it refused, which the person has been told. */
async function post(path: string, body: URLSearchParams, deed: string): Promise<string | undefined> {
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "";
  let answer: Response;
  try {
    answer = await fetch(path, { method: "POST", body, headers: { "X-CSRF-Token": csrf, "HX-Request": "true" } });
  } catch {
    showToastWithAction(`The server could not be reached. Nothing was ${deed}; try again in a moment.`);
    return undefined;
  }
  const text = await answer.text();
  if (!answer.ok) {
    const page = new DOMParser().parseFromString(text, "text/html");
    showToastWithAction(page.querySelector("[data-error-detail]")?.textContent.trim() ?? `It was not ${deed}.`);
  }
  document.body.dispatchEvent(new CustomEvent("quillroom:publications", { detail: { change: deed } }));
  return answer.ok ? text : undefined;
}

function askWhere(chip: HTMLElement, to: string): void {
  const dialog = document.querySelector<HTMLDialogElement>("#copy-publication");
  const form = dialog?.querySelector("form[data-copy-form]");
  if (!dialog || !(form instanceof HTMLFormElement)) return;
  form.action = `/publications/${chip.dataset["chip"] ?? ""}/copy`;
  const time = form.elements.namedItem("time");
  if (time instanceof HTMLInputElement) time.value = to;
  const account = form.elements.namedItem("account");
  if (account instanceof HTMLSelectElement) account.value = chip.dataset["account"] ?? "";
  dialog.showModal();
}

function calendar(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-calendar]");
}

function chipOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-chip][data-movable]") : null;
}

function say(at: string): void {
  const place = document.querySelector("[data-calendar-says]");
  if (place && at) place.textContent = dayWords(at);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input, select, textarea, [contenteditable]");
}
