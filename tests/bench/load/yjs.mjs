// The Yjs that the browser bundle is made of.
import { createRequire } from "node:module";

export const Y = createRequire(new URL("../../../static/package.json", import.meta.url))("yjs");
