/** The longest text after a slash that is still taken for a search and not for a sentence. */
export const longestQuery = 24;

/** May a slash typed after `before` open the menu? At the start of a block or after a space, so not in "and/or". */
export function opensMenu(before: string): boolean {
  return before === "" || /\s$/u.test(before);
}

/**
 * What stands between the slash and the caret, or null when this is no search any more: the slash is gone,
 * the text has become long, or a space follows the slash.
 */
export function queryBefore(text: string): string | null {
  const slash = text.lastIndexOf("/");
  if (slash < 0 || !opensMenu(text.slice(0, slash))) return null;
  const query = text.slice(slash + 1);
  return query.length > longestQuery || /^\s/u.test(query) || /\s\s/u.test(query) ? null : query;
}
