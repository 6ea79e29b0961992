const secondsPerDay = 24 * 60 * 60;
const refreshMilliseconds = 30_000;

const monthAndDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const longDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" });

/** <time data-ago> says how long ago, <time data-date> the date here; the exact local time is their title. */
export function keepTimesTrue(): void {
  update();
  document.addEventListener("htmx:after:swap", update);
  setInterval(() => {
    if (!document.hidden) update();
  }, refreshMilliseconds);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) update();
  });
}

function update(): void {
  const now = new Date();
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-ago], time[data-date]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const words = element.matches("[data-ago]") ? ago(moment, now) : longDate.format(moment);
    if (element.textContent !== words) element.textContent = words;
    element.title = exact.format(moment);
  }
}

/** The same words as the macro `time` in templates/ui.html, with dates of the reader's time zone. */
export function ago(moment: Date, now: Date): string {
  const seconds = (now.getTime() - moment.getTime()) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} min ago`;
  if (seconds < secondsPerDay) return `${String(Math.floor(seconds / 3600))} h ago`;
  if (seconds < 2 * secondsPerDay) return "yesterday";
  if (seconds < 7 * secondsPerDay) return `${String(Math.floor(seconds / secondsPerDay))} days ago`;
  return (moment.getFullYear() === now.getFullYear() ? monthAndDay : date).format(moment);
}
