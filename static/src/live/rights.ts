/** What somebody may do in a document, from least to most: the words of the protocol. */
const ranks = ["readonly", "suggest", "read-write"] as const;
export type Rights = (typeof ranks)[number];

/** Reads a word that the page or the server said; what is not known allows nothing. */
export function readRights(word: unknown): Rights {
  return ranks.find((each) => each === word) ?? "readonly";
}
