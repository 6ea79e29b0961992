const refreshMilliseconds = 30_000;
const yearSeconds = 365 * 24 * 60 * 60;

// No language: each browser writes times as its reader is used to, 17:49 or 5:49 PM.
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const thisYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const anyYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/**
 * Writes <time data-time> as the reader is used to, and keeps it true when a day ends. ="clock" is the time of day, ="day"
 * the day. The full moment is the title. So it does with <option data-moment data-words>, behind the words.
 */
export function keepTimesTrue(): void {
  tellZone();
  update();
  document.addEventListener("htmx:after:swap", update);
  setInterval(() => {
    if (!document.hidden) update();
  }, refreshMilliseconds);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) update();
  });
}

/** When: the time of day of today, with its day what is older (server/web/times.py writes the same). */
export function clockWords(moment: Date, now = new Date()): string {
  if (moment.toDateString() === now.toDateString()) return time.format(moment);
  return (moment.getFullYear() === now.getFullYear() ? thisYear : anyYear).format(moment);
}

/** Lets the server write times in the reader's zone, so that they do not jump when the page is there. */
function tellZone(): void {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = `quillroom_zone=${zone}`;
  if (document.cookie.split("; ").includes(cookie)) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookie}; path=/; max-age=${String(yearSeconds)}; samesite=lax${secure}`;
}

function update(): void {
  const now = new Date();
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-time]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const words = wordsOf(moment, now, element.dataset["time"]);
    if (element.textContent !== words) element.textContent = words;
    const full = exact.format(moment);
    if (element.title !== full) element.title = full;
  }
  // A choice in a list holds nothing but its words.
  for (const option of document.querySelectorAll<HTMLOptionElement>("option[data-moment]")) {
    const { moment = "", words = "" } = option.dataset;
    const text = `${words}${clockWords(new Date(moment), now)}`;
    if (option.text !== text) option.text = text;
  }
}

function wordsOf(moment: Date, now: Date, form: string | undefined): string {
  if (form === "clock") return time.format(moment);
  return form === "day" ? day.format(moment) : clockWords(moment, now);
}
