import htmx from "htmx.org";

const everyMilliseconds = 3000;
const longestMilliseconds = 30_000;
/** Past this without a change it asks less often: somebody may have left the page open for the night. */
const patienceMilliseconds = 30 * 60_000;
const patientMilliseconds = 15_000;

/**
 * [data-reading="address"] shows the text of a document to somebody without an account, and follows it. It asks whether
 * there is another one than [data-version], never while the page is hidden. When the link is over, or asks for a
 * password again, the page loads anew and says so.
 */
export function followReading(): void {
  const place = document.querySelector<HTMLElement>("[data-reading]");
  const address = place?.dataset["reading"];
  if (!place || !address) return;
  let version = `"${place.dataset["version"] ?? ""}"`;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let changed = Date.now();

  const wait = () => {
    if (failures > 0) return Math.min(longestMilliseconds, everyMilliseconds * 2 ** failures);
    return Date.now() - changed > patienceMilliseconds ? patientMilliseconds : everyMilliseconds;
  };

  const plan = () => {
    clearTimeout(timer);
    // Not all in the same moment after a restart.
    if (!document.hidden) timer = setTimeout(() => void look(), wait() * (0.85 + 0.3 * Math.random()));
  };

  const look = async () => {
    const headers = { "If-None-Match": version, "HX-Request": "true" };
    const answer = await fetch(address, { headers, cache: "no-store" }).catch(() => undefined);
    if (answer?.status === 410 || answer?.status === 403) {
      location.reload();
      return;
    }
    failures = answer?.ok === true || answer?.status === 304 ? 0 : failures + 1;
    if (answer?.ok) {
      const text = await answer.text().catch(() => "");
      version = answer.headers.get("ETag") ?? version;
      changed = Date.now();
      // What stays the same is left alone: whoever reads or selects there is not disturbed.
      if (text !== "") await htmx.swap({ text, sourceElement: place, target: place, swap: "innerMorph" });
    }
    plan();
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else void look();
  });
  plan();
}
