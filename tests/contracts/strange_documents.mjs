// Prints a JSON list of the states, in base64, of as many documents as it is told, with what programs other than the
// editor may write in them: the same ones for the same seed. `node strange_documents.mjs <seed> <number>`
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "../../static/package.json"));
const Y = require("yjs");

let seed = Number(process.argv[2]);

/** A number from 0 up to, not including, `below`: mulberry32. */
function random(below) {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
}

const one = (things) => things[random(things.length)];
const often = (percent) => random(100) < percent;

const words = ["a", "two words", " ", "\u00a0end ", "\u{1f600}", "<b>&", "line\nend", "\ufeff", "x".repeat(700)];
const formats = [
  {}, {}, {}, { bold: true }, { bold: {} }, { "italic--abcdefgh": {} }, { underline: {} }, { code: {}, bold: {} },
  { link: { href: "https://example.org/" } }, { link: { href: "javascript:ran()" } }, { highlight: {}, strike: null },
];
const values = [1, 2, 3.5, -1, 1e9, "1", "", "https://example.org/x.png", "javascript:1", true, [1], null, { a: 1 }];
const names = ["id", "level", "start", "checked", "language", "colspan", "rowspan", "colwidth", "src", "alt", "title", "width", "text"];

function textOf() {
  const made = new Y.XmlText();
  for (let pieces = random(4); pieces > 0; pieces -= 1) made.insert(random(made.length + 1), one(words), one(formats));
  if (often(3)) made.insertEmbed(0, one([{ image: "x" }, new Y.Map(), "embedded"]));
  return made;
}

function stranger() {
  return one([
    () => 7,
    () => [1, { two: 3 }],
    () => "a string",
    () => null,
    () => new Uint8Array([1, 2]),
    () => new Y.Map([["key", "value"]]),
    () => Y.Array.from([1, new Y.XmlElement("paragraph")]),
    () => new Y.Text("words of another kind"),
    () => new Y.XmlFragment(),
    () => new Y.Doc(),
  ])();
}

/** What fits into what, mostly. */
const inside = {
  paragraph: ["text", "text", "hardBreak"],
  heading: ["text"],
  codeBlock: ["text"],
  blockquote: ["paragraph", "heading", "bulletList"],
  bulletList: ["listItem"],
  orderedList: ["listItem"],
  listItem: ["paragraph"],
  taskList: ["taskItem"],
  taskItem: ["paragraph"],
  table: ["tableRow"],
  tableRow: ["tableCell", "tableHeader"],
  tableCell: ["paragraph"],
  tableHeader: ["paragraph"],
};
const anywhere = [...Object.keys(inside), "image", "horizontalRule", "callout", "doc", "text", "foreignBlock", "script"];

function child(kind, depth, oddness) {
  if (kind === "text") return textOf();
  const made = new Y.XmlElement(kind);
  if (often(30)) made.setAttribute(one(names), one(values));
  const fitting = inside[kind] ?? (often(oddness) ? ["text"] : []);
  if (fitting.length > 0 && depth < 6) {
    const number = often(8) ? 0 : 1 + random(3);
    made.insert(0, Array.from({ length: number }, () => piece(fitting, depth, oddness)));
  }
  return made;
}

function piece(fitting, depth, oddness) {
  if (often(oddness)) return often(50) ? stranger() : child(one(anywhere), depth + 1, oddness);
  return child(one(fitting), depth + 1, oddness);
}

const blocks = ["paragraph", "heading", "codeBlock", "blockquote", "bulletList", "orderedList", "taskList", "table"];

function state() {
  const document = new Y.Doc();
  document.clientID = 1 + random(1000);
  const oddness = one([0, 3, 10, 30]);
  const top = document.getXmlFragment("default");
  for (let number = random(8); number > 0; number -= 1) {
    const made = piece([...blocks, "image", "horizontalRule"], 0, oddness);
    top.insert(random(top.length + 1), [made]);
    if (often(10) && top.length > 1) top.delete(random(top.length), 1);
  }
  return Buffer.from(Y.encodeStateAsUpdate(document)).toString("base64");
}

process.stdout.write(JSON.stringify(Array.from({ length: Number(process.argv[3]) }, state)));
