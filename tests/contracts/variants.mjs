// Reads {state, number} on standard input, the state of a shared document in base64, and prints a JSON list of so many
// documents with variants, each with what the page would send of them.
import { text } from "node:stream/consumers";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../../static/build.mjs";

const { writeVariants } = await load(join(dirname(fileURLToPath(import.meta.url)), "../static/write-variants.ts"));
const { state, number } = JSON.parse(await text(process.stdin));
const seeds = Array.from({ length: number }, (_, seed) => seed);
process.stdout.write(JSON.stringify(seeds.map((seed) => writeVariants(Buffer.from(state, "base64"), seed))));
