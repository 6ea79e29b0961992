import { isSafeAddress } from "./addresses";

const mostSpan = 100;
const largestSide = 65_535;
const largestStart = 1_000_000;
const longestAddress = 2048;
const longestLabel = 1000;
const latestMilliseconds = 8.64e15;

/** Yjs has one kind of number, and another program may have written any of them. */
function whole(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : null;
}

function matching(pattern: RegExp): (value: unknown) => string | null {
  return (value) => (typeof value === "string" && pattern.test(value) ? value : null);
}

function address(value: unknown): string | null {
  const fits = typeof value === "string" && value !== "" && value.length <= longestAddress && isSafeAddress(value);
  return fits ? value : null;
}

function pictureAddress(value: unknown): string | null {
  const found = address(value);
  return found !== null && /^\s*mailto:/i.test(found) ? null : found;
}

/** An empty alternative text says that a picture only decorates, which is not the same as none. */
function label(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, longestLabel) : null;
}

function side(value: unknown): number | null {
  return whole(value, 1, largestSide);
}

function span(value: unknown): number {
  return whole(value, 1, mostSpan) ?? 1;
}

function columnWidths(value: unknown): number[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostSpan) return null;
  const widths = value.map(side).filter((width) => width !== null);
  return widths.length === value.length ? widths : null;
}

const person = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const authorship = `[A-Za-z0-9_-]{1,64} ${person} \\d{1,16}`;
const formatNames = /^(?:(?:bold|italic|strike|code|highlight)(?: (?!$)|$))*$/;
const suggested = matching(new RegExp(`^${authorship}$`));

/** The values that an attribute of a name may have, as server/documents/schema.py has them. */
const clean: Readonly<Record<string, (value: unknown) => unknown>> = {
  id: matching(/^[A-Za-z0-9_-]{1,64}$/),
  level: (value) => whole(value, 1, 4) ?? 1,
  start: (value) => whole(value, -largestStart, largestStart) ?? 1,
  checked: (value) => value === true,
  language: matching(/^[A-Za-z0-9_+#.-]{1,40}$/),
  colspan: span,
  rowspan: span,
  colwidth: columnWidths,
  src: pictureAddress,
  alt: label,
  title: label,
  width: side,
  height: side,
  href: address,
  by: matching(new RegExp(`^${person}$`)),
  at: (value) => whole(value, 0, latestMilliseconds),
  add: matching(formatNames),
  remove: matching(formatNames),
  inserted: suggested,
  deleted: suggested,
  joined: suggested,
  changed: matching(new RegExp(`^${authorship} [A-Za-z0-9]{1,20}$`)),
};

/** The attributes of a node or mark type out of what a document gives it: all of them, none besides, allowed values only. */
export function cleanAttributes(
  specified: Readonly<Record<string, { default?: unknown }>> | undefined,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(specified ?? {}).map(([name, spec]) => {
      const value = given[name] ?? spec.default;
      return [name, clean[name]?.(value) ?? spec.default ?? null];
    }),
  );
}
