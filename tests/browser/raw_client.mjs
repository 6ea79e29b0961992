// What a program can write that no editor would: reads {state, write} as JSON on standard input, the state of a
// document in base64, and prints {update, blocks}: what `write` adds, and what then lies among the blocks.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "../../static/package.json"));
const Y = require("yjs");

const { state, write } = JSON.parse(await text(process.stdin));
const document = new Y.Doc();
Y.applyUpdate(document, Buffer.from(state, "base64"));
const blocks = document.getXmlFragment("default");
const anything = (...things) => blocks.insert(1, things);

function words(content, formatting) {
  const made = new Y.XmlText();
  made.insert(0, content, formatting);
  return made;
}

function element(name, attributes, ...children) {
  const made = new Y.XmlElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.insert(0, children);
  return made;
}

const cell = (attributes) => element("tableCell", attributes, element("paragraph", {}, words("cell")));

const writers = {
  nothing() {},
  misfits() {
    const embedding = words("embedding");
    embedding.applyDelta([{ retain: 3 }, { insert: { image: "javascript:ran()" } }]);
    const holding = new Y.XmlElement("paragraph");
    holding.insert(0, [new Y.Array(), new Y.Map()]);
    anything(
      element("callout", { colour: "red", onclick: "ran()" }, element("paragraph", {}, words("callout"))),
      element("script", {}, words("ran()")),
      element("constructor", {}, words("constructor")),
      element("paragraph", {}, words("mentions "), element("mention", { id: "7" })),
      element("paragraph", {}, embedding),
      element("listItem", {}, element("paragraph", {}, words("stray item"))),
      holding,
    );
    // Yjs makes a tree that is given at once by recursion; this one goes to the server's limit.
    let outer = new Y.XmlElement("blockquote");
    blocks.insert(1, [outer]);
    for (let depth = 0; depth < 900; depth += 1) {
      const inner = new Y.XmlElement("blockquote");
      outer.insert(0, [inner]);
      outer = inner;
    }
    outer.insert(0, [words("bottom")]);
  },
  values() {
    anything(
      element("paragraph", { id: { $: 1 } }, words("link", { link: { href: "javascript:ran()" } })),
      element("paragraph", { style: "position: fixed" }, words("unknown mark", { underline: { onclick: "ran()" } })),
      element("heading", { level: 99, onmouseover: "ran()" }, words("heading")),
      element("orderedList", { start: 1e300 }, element("listItem", {}, element("paragraph", {}, words("item")))),
      element("image", { src: "javascript:ran()", alt: "a".repeat(300_000), width: -1 }),
      element("image", { src: '"><img src=x onerror=ran()>', alt: ["x"] }),
      element("codeBlock", { language: '"><script>ran()</script>' }, words("code", { bold: true })),
      element("table", {}, element("tableRow", {}, cell({ colspan: 1e9, rowspan: "x" }), cell({ colwidth: ["a"] }))),
    );
    const half = words("\u{1f600} half");
    blocks.insert(1, [element("paragraph", {}, half)]);
    half.insert(1, "in the middle of a letter");
  },
  strangers() {
    anything(7, [1, { two: 3 }], new Y.Map(), words("bare"));
  },
};

const before = Y.encodeStateVector(document);
document.transact(() => writers[write]());
const update = Buffer.from(Y.encodeStateAsUpdate(document, before)).toString("base64");
const draw = (block) => (block instanceof Y.XmlElement ? block.toString() : `stranger ${JSON.stringify(block)}`);
process.stdout.write(JSON.stringify({ update, blocks: blocks.toArray().map(draw) }));
