/**
 * [data-queue]: lines are dragged to another place, or moved by Alt and an arrow. What the page's own buttons send is
 * sent for it, so that the page shows what came of it.
 */
export function watchQueue(): void {
  if (!document.querySelector("[data-queue]")) return;
  let moving: HTMLElement | undefined;

  const mark = (line?: HTMLElement) => {
    for (const each of document.querySelectorAll(".queue-line[data-target]")) each.removeAttribute("data-target");
    if (line && moving && line !== moving) line.setAttribute("data-target", place(line) > place(moving) ? "below" : "above");
  };
  const end = () => {
    moving?.removeAttribute("data-moving");
    moving = undefined;
    mark();
  };

  document.addEventListener("dragstart", (event) => {
    moving = lineOf(event.target);
    moving?.setAttribute("data-moving", "");
  });
  document.addEventListener("dragover", (event) => {
    const line = lineOf(event.target);
    if (!moving || !line) return;
    event.preventDefault();
    mark(line);
  });
  document.addEventListener("drop", (event) => {
    const [line, to] = [moving, lineOf(event.target)];
    if (!line || !to) return;
    event.preventDefault();
    end();
    if (to !== line) put(line, place(to));
  });
  document.addEventListener("dragend", end);
  document.addEventListener("keydown", (event) => {
    const line = lineOf(event.target);
    if (!line || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const to = place(line) + (event.key === "ArrowUp" ? -1 : 1);
    if (to >= 0 && to < document.querySelectorAll(".queue-line").length) put(line, to);
  });
}

function put(line: HTMLElement, to: number): void {
  const form = line.querySelector<HTMLFormElement>("form.queue-moves");
  if (!form) return;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "place";
  field.value = String(to);
  form.append(field);
  form.submit();
}

function place(line: HTMLElement): number {
  return Number(line.dataset["place"] ?? 0);
}

function lineOf(target: EventTarget | null): HTMLElement | undefined {
  return target instanceof Element ? (target.closest<HTMLElement>("[data-queue] .queue-line[draggable=true]") ?? undefined) : undefined;
}
