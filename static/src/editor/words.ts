let words: ReadonlyMap<string, string> | null = null;

function readWords(): ReadonlyMap<string, string> {
  const template = document.querySelector<HTMLTemplateElement>("#editor-words");
  const entries = [...(template?.content.querySelectorAll<HTMLElement>("[data-word]") ?? [])];
  return new Map(entries.map((entry) => [entry.dataset["word"] ?? "", entry.textContent.trim()]));
}

/** The page's sentence of this name, with {gaps} filled. The page holds all words, so that they can be translated there. */
export function say(name: string, gaps: Readonly<Record<string, string | number>> = {}): string {
  words ??= readWords();
  const sentence = words.get(name) ?? name;
  return sentence.replace(/\{(\w+)\}/g, (gap, key: string) => String(gaps[key] ?? gap));
}

/** The sentence for a number of things: `name.one` or `name.other`, with {count} filled. */
export function sayCount(name: string, count: number, values: Readonly<Record<string, string | number>> = {}): string {
  const form = new Intl.PluralRules(document.documentElement.lang || "en").select(count);
  return say(form === "one" ? `${name}.one` : `${name}.other`, { ...values, count });
}
