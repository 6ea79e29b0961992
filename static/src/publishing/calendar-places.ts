// The days and hours of the calendar as places on the page. A time is what the calendar's clock shows: 2026-12-01T09:15.

const minuteMilliseconds = 60 * 1000;
const quartersOfAnHour = 4;

/** The time that a place below the pointer stands for: a quarter of its hour, or `from`'s time of day on its day. */
export function dayOf(target: EventTarget | null, pointerY: number, from: string): string | undefined {
  if (!(target instanceof Element)) return undefined;
  const day = target.closest<HTMLElement>("[data-date]")?.dataset["date"];
  if (!day) return undefined;
  const hour = target.closest<HTMLElement>("[data-hour]");
  const begins = hour?.dataset["hour"];
  if (!hour || !begins) return `${day}T${clockOf(from)}`;
  const box = hour.getBoundingClientRect();
  const part = Math.floor(((pointerY - box.top) / box.height) * quartersOfAnHour);
  const minutes = Math.min(Math.max(part, 0), quartersOfAnHour - 1) * (60 / quartersOfAnHour);
  return `${day}T${begins.slice(0, 2)}:${String(minutes).padStart(2, "0")}`;
}

/** The place of a time: its hour where hours are shown, else its day. */
export function placeAt(at: string): HTMLElement | null {
  const day = document.querySelector<HTMLElement>(`[data-date="${CSS.escape(at.slice(0, 10))}"]`);
  return day?.querySelector<HTMLElement>(`[data-hour="${CSS.escape(at.slice(11, 13))}:00"]`) ?? day;
}

/** Clocks are counted in UTC, where each day has the same length; the server knows about those that jump. */
export function later(at: string, minutes: number): string {
  return new Date(Date.parse(`${at}:00Z`) + minutes * minuteMilliseconds).toISOString().slice(0, 16);
}

export function clockOf(at: string): string {
  return at.slice(11, 16);
}

export function dayWords(at: string): string {
  const format = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
  return `${format.format(new Date(`${at.slice(0, 10)}T00:00:00Z`))}, ${clockOf(at)}`;
}
