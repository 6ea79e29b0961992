/** Events of the workspace that pages may wait for, as hx-trigger="quillroom:documents from:body". */
const names = ["documents", "comments", "suggestions", "notices", "visits", "members", "publications"];
const longestWaitMilliseconds = 30_000;

/**
 * <body data-live="/events"> listens to what happens in the workspace and tells it on as `quillroom:<name>`,
 * with the event's data as its detail. What happened while nobody listened is not repeated by the server, so
 * whenever listening begins each name is told once with {change: "resync"}: also on a fresh page, which is as
 * old as its rendering. A hidden page does not hold a connection.
 */
export function listenLive(): void {
  const address = document.body.dataset["live"];
  if (!address) return;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const stop = () => {
    clearTimeout(timer);
    if (!source) return;
    source.close();
    source = undefined;
  };

  const start = () => {
    stop();
    if (document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("open", () => {
      failures = 0;
      resync();
    });
    source.addEventListener("resync", resync);
    for (const name of names) {
      source.addEventListener(name, (event) => {
        tell(name, parsed(event.data));
      });
    }
    source.addEventListener("error", () => {
      // The browser's own reconnection has a fixed wait: all pages would come back in the same second.
      stop();
      failures += 1;
      timer = setTimeout(start, Math.random() * Math.min(longestWaitMilliseconds, 1000 * 2 ** Math.min(failures, 10)));
    });
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else start();
  });
  // A page kept for the back button must not keep its connection, or the browser throws the page away.
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) start();
  });
  start();
}

function resync(): void {
  for (const name of names) tell(name, { change: "resync" });
}

function tell(name: string, detail: unknown): void {
  document.body.dispatchEvent(new CustomEvent(`quillroom:${name}`, { detail }));
}

function parsed(data: unknown): unknown {
  if (typeof data !== "string") return {};
  try {
    return JSON.parse(data) as unknown;
  } catch {
    // The event itself says that something changed; that is enough to look again.
    return {};
  }
}
