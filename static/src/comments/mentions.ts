import type { Person } from "./model";

/** "Ask @Ada Lovelace" with whom that means -> "Ask <@id>". */
export function encode(text: string, people: readonly Person[]): string {
  const longest = [...people].sort((one, other) => other.name.length - one.name.length);
  return longest.reduce((sofar, { id, name }) => sofar.replaceAll(`@${name}`, `<@${id}>`), text.trim());
}

/** "Ask <@id>" -> "Ask @Ada Lovelace". */
export function decode(text: string, people: readonly Person[]): string {
  return people.reduce((sofar, { id, name }) => sofar.replaceAll(`<@${id}>`, () => `@${name}`), text);
}
