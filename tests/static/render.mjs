// Reads a JSON list of documents on standard input, prints a JSON list of their HTML as the editor draws it.
import { text } from "node:stream/consumers";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../../static/build.mjs";

const { renderHtml } = await load(join(dirname(fileURLToPath(import.meta.url)), "render-html.ts"));
process.stdout.write(JSON.stringify(JSON.parse(await text(process.stdin)).map(renderHtml)));
