// Reads {words, states} as JSON on standard input, the states of shared documents in base64, and prints a JSON list of
// their HTML as the editor reads and draws them.
import { text } from "node:stream/consumers";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../../static/build.mjs";

const { readHtml } = await load(join(dirname(fileURLToPath(import.meta.url)), "render-html.ts"));
const { words, states } = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(states.map((state) => readHtml(Buffer.from(state, "base64"), words))));
