import { showToastWithAction } from "../ui/toast";

const dayMilliseconds = 24 * 60 * 60 * 1000;
const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

/** A publication that is being moved: where it stood, and the day that it would come to. */
interface Move {
  chip: HTMLElement;
  from: string;
  to: string;
}

/**
 * [data-calendar]: chips are dragged to another day, or moved by keys (M, arrows, Enter; Escape leaves it), each with a
 * way back in a toast. T, D, W, M and the arrows lead to other days and views.
 */
export function watchCalendar(): void {
  if (!calendar()) return;
  let move: Move | undefined;

  const mark = () => {
    for (const day of document.querySelectorAll("[data-target]")) day.removeAttribute("data-target");
    if (move) dayOf(move.to)?.setAttribute("data-target", "");
  };
  const end = () => {
    move?.chip.removeAttribute("data-moving");
    move = undefined;
    mark();
  };
  const begin = (chip: HTMLElement) => {
    const from = chip.dataset["at"] ?? "";
    move = { chip, from, to: from.slice(0, 10) };
    chip.setAttribute("data-moving", "");
  };
  const drop = () => {
    const done = move;
    end();
    if (done && done.to !== done.from.slice(0, 10)) void send(done.chip, `${done.to}T${done.from.slice(11)}`, done.from);
  };

  document.addEventListener("dragstart", (event) => {
    const chip = chipOf(event.target);
    if (!chip) return;
    begin(chip);
    event.dataTransfer?.setData("text/plain", chip.textContent);
  });
  document.addEventListener("dragover", (event) => {
    const day = event.target instanceof Element ? event.target.closest<HTMLElement>(".calendar-day") : null;
    if (!move || !day) return;
    event.preventDefault();
    move.to = day.dataset["date"] ?? move.to;
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
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    if (move) {
      const step = steps[event.key];
      if (step !== undefined) {
        move.to = shifted(move.to, step);
        mark();
        say(move.to);
      } else if (event.key === "Enter") drop();
      else if (event.key === "Escape") end();
      else return;
      event.preventDefault();
      return;
    }
    const chip = chipOf(event.target);
    if (chip && event.key.toLowerCase() === "m") {
      event.preventDefault();
      begin(chip);
      say(chip.dataset["at"]?.slice(0, 10) ?? "");
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
}

async function send(chip: HTMLElement, to: string, back: string | undefined): Promise<void> {
  const id = chip.dataset["chip"] ?? "";
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "";
  const body = new URLSearchParams({ time: to, shown_in: calendar()?.dataset["zone"] ?? "UTC" });
  if (back !== undefined) body.set("version", chip.dataset["version"] ?? "");
  let answer: Response;
  try {
    answer = await fetch(`/publications/${id}/move`, {
      method: "POST",
      body,
      headers: { "X-CSRF-Token": csrf, "HX-Request": "true" },
    });
  } catch {
    showToastWithAction("The server could not be reached. Nothing was moved; try again in a moment.");
    return;
  }
  const text = await answer.text();
  if (answer.ok) {
    const words = `Moved to ${dayWords(to)}. ${text}`.trim();
    if (back === undefined) showToastWithAction(words);
    else showToastWithAction(words, { label: "Undo", act: () => void send(chip, back, undefined) });
  } else {
    const page = new DOMParser().parseFromString(text, "text/html");
    showToastWithAction(page.querySelector("[data-error-detail]")?.textContent.trim() ?? "It was not moved.");
  }
  document.body.dispatchEvent(new CustomEvent("quillroom:publications", { detail: { change: "moved" } }));
}

function calendar(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-calendar]");
}

function chipOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-chip][data-movable]") : null;
}

function dayOf(date: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`.calendar-day[data-date="${CSS.escape(date)}"]`);
}

/** Days are counted in UTC, where each has the same length. */
function shifted(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMilliseconds).toISOString().slice(0, 10);
}

function dayWords(at: string): string {
  const format = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
  return `${format.format(new Date(`${at.slice(0, 10)}T00:00:00Z`))}, ${at.slice(11)}`.replace(/, $/, "");
}

function say(date: string): void {
  const place = document.querySelector("[data-calendar-says]");
  if (place && date) place.textContent = dayWords(`${date}T`);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input, select, textarea, [contenteditable]");
}
