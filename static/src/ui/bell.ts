const kept = "quillroom.unread";
const named = "notice";
const mostShown = 99;

/**
 * [data-bell] is a menu that says in [data-bell-count] how many notifications are unread, and brings them when it
 * is opened: its list waits for the event `bell:load`. Both follow the page's event stream.
 */
export function watchBell(): void {
  const bell = document.querySelector<HTMLDetailsElement>("[data-bell]");
  const list = bell?.querySelector<HTMLElement>("[data-bell-list]");
  const address = bell?.dataset["bell"];
  if (!bell || !list || !address) {
    // Nobody is signed in here: whoever is next begins anew.
    sessionStorage.removeItem(kept);
    return;
  }

  void markNamed();
  // What the page before knew, so that the number does not blink at each step from page to page.
  const known = sessionStorage.getItem(kept);
  show(bell, Number(known ?? 0));
  // Who is in no workspace has no stream of events, which would ask at its beginning.
  if (known === null) void count(bell, address);
  const load = () => list.dispatchEvent(new CustomEvent("bell:load"));
  bell.addEventListener("toggle", () => {
    if (bell.open) load();
  });
  document.body.addEventListener("quillroom:notices", () => {
    void count(bell, address);
    if (bell.open) load();
  });
}

/**
 * The link in a mail names the notice that led here: it is read now. The address loses the name, because it may be
 * copied; to whom it was passed on the notice is not theirs, and nothing happens.
 */
async function markNamed(): Promise<void> {
  const here = new URL(window.location.href);
  const id = here.searchParams.get(named);
  if (id === null) return;
  here.searchParams.delete(named);
  window.history.replaceState(window.history.state, "", here);
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "";
  const headers = { "X-CSRF-Token": csrf, "HX-Request": "true" };
  // The event of it brings the number, in this page too.
  await fetch(`/notifications/${encodeURIComponent(id)}/read`, { method: "POST", headers }).catch(() => undefined);
}

async function count(bell: HTMLElement, address: string): Promise<void> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => undefined);
  // Away for a moment: the next event, or the stream's return, asks again.
  if (!answer?.ok) return;
  const { unread } = (await answer.json()) as { unread: number };
  sessionStorage.setItem(kept, String(unread));
  show(bell, unread);
}

function show(bell: HTMLElement, unread: number): void {
  const badge = bell.querySelector<HTMLElement>("[data-bell-count]");
  const summary = bell.querySelector("summary");
  const label = bell.dataset["label"] ?? "";
  const words = (bell.dataset["unreadLabel"] ?? "").replace("{count}", String(unread));
  if (!badge || !summary) return;
  badge.hidden = unread === 0;
  badge.textContent = unread > mostShown ? `${String(mostShown)}+` : String(unread);
  summary.setAttribute("aria-label", unread === 0 ? label : words);
}
