import { buildElement } from "../editor/build-element";
import { say } from "../editor/words";
import type { Meter } from "./previews";

function figure(count: number): string {
  return new Intl.NumberFormat(document.documentElement.lang || undefined).format(count);
}

export function isOver({ used, most }: Meter): boolean {
  return most !== null && used > most;
}

/** "312/500" beside an account's name: of what is over, or else of the text. */
export function showChip(chip: HTMLElement, meters: readonly Meter[]): void {
  const meter = meters.find(isOver) ?? meters.find(({ name }) => name === "Text") ?? meters[0];
  chip.hidden = meter === undefined;
  if (meter === undefined) return;
  chip.textContent = meter.most === null ? figure(meter.used) : `${figure(meter.used)}/${figure(meter.most)}`;
  chip.title = meterWords(meter);
  chip.toggleAttribute("data-over", isOver(meter));
}

function meterWords(meter: Meter): string {
  const { name, used, most, unit } = meter;
  const gaps = { name, used: figure(used), unit };
  const words = most === null ? say("variant.meter.free", gaps) : say("variant.meter.of", { ...gaps, most: figure(most) });
  return isOver(meter) ? `${words} · ${say("variant.meter.over", { count: figure(used - (most ?? 0)) })}` : words;
}

/** Is it worth a look? How long a text is always is; of other things, how many of those that are left. */
function tells({ name, used, most }: Meter): boolean {
  return name === "Text" || (most !== null && used > 0);
}

/** The meters of the variant that is shown. Those there are keep their elements, so that their bars move. */
export function showMeters(place: HTMLElement, all: readonly Meter[]): void {
  const meters = all.filter(tells);
  place.hidden = meters.length === 0;
  while (place.children.length > meters.length) place.lastElementChild?.remove();
  for (const [at, meter] of meters.entries()) {
    let item = place.children[at] as HTMLElement | undefined;
    if (!item) {
      item = buildElement("li", { children: [buildElement("span"), buildElement("meter", { attributes: { "aria-hidden": "true" } })] });
      place.append(item);
    }
    const [words, bar] = item.children as unknown as [HTMLElement, HTMLMeterElement];
    words.textContent = meterWords(meter);
    item.toggleAttribute("data-over", isOver(meter));
    item.dataset["meter"] = meter.name;
    bar.hidden = meter.most === null;
    if (meter.most !== null) {
      bar.max = meter.most;
      bar.value = Math.min(meter.used, meter.most);
    }
  }
}
