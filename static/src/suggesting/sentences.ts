import { say, sayCount } from "../editor/words";
import type { Part, Suggestion } from "./find";

const longest = 80;

/** Words as they are quoted: on one line, not too long, with a sign for what cannot be seen. */
function quoted(text: string): string {
  const line = text.replaceAll("\u2029", "¶ ").replaceAll("\u2028", "↵ ").replaceAll("\n", "↵ ");
  const short = line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
  return short.trim() === "" ? (short === "" ? say("suggest.empty") : "␣".repeat(short.length)) : short;
}

function wordsOf(parts: readonly Part[], kind: Part["kind"]): string {
  return parts
    .filter((part) => part.kind === kind)
    .map(({ text }) => text)
    .filter((text) => text !== "")
    .join(" … ");
}

/** What a suggestion would do, one line for each kind of change in it. */
export function sentencesOf({ parts }: Suggestion): readonly string[] {
  const has = (kind: Part["kind"]) => parts.some((part) => part.kind === kind);
  const sentences: string[] = [];
  const inserted = quoted(wordsOf(parts, "insert"));
  const deleted = quoted(wordsOf(parts, "delete"));
  if (has("insert") && has("delete")) sentences.push(say("suggest.replace", { old: deleted, new: inserted }));
  else if (has("insert")) {
    const isBreak = wordsOf(parts, "insert") === "\u2029";
    sentences.push(isBreak ? say("suggest.split") : say("suggest.insert", { text: inserted }));
  } else if (has("delete")) sentences.push(say("suggest.delete", { text: deleted }));
  for (const kind of ["insertBlock", "deleteBlock"] as const) {
    const count = parts.filter((part) => part.kind === kind).length;
    if (count > 0) sentences.push(sayCount(`suggest.${kind}`, count, { text: quoted(wordsOf(parts, kind)) }));
  }
  if (has("join")) sentences.push(say("suggest.join"));
  for (const part of parts) {
    if (part.kind === "change") {
      const isDone = part.into === "taskListDone";
      const kind = isDone ? say("suggest.done") : say(`block.${part.into}`);
      sentences.push(isDone ? kind : say("suggest.change", { kind }));
    }
  }
  const formats = parts.filter((part) => part.kind === "reformat");
  const names = (list: readonly string[]) => list.map((name) => say(`tool.${name}`)).join(", ");
  const added = names([...new Set(formats.flatMap(({ add }) => add))]);
  const removed = names([...new Set(formats.flatMap(({ remove }) => remove))]);
  const text = quoted(wordsOf(parts, "reformat"));
  if (added !== "") sentences.push(say("suggest.format", { text, formats: added }));
  if (removed !== "") sentences.push(say("suggest.unformat", { text, formats: removed }));
  return sentences;
}
