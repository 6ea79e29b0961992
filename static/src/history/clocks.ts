const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });

/** <time data-clock> says the time of day where the reader is. */
export function showClocks(): void {
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-clock]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) element.textContent = clock.format(moment);
  }
}
