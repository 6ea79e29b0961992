import { getSchema } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import * as Y from "yjs";
import { ForeignBlock } from "../../static/src/editor/nodes/foreign-block";
import { documentExtensions } from "../../static/src/editor/schema";
import { rootsOf, variantsOf } from "../../static/src/variants/overlay";
import { Variant } from "../../static/src/variants/variant";
import { readBody, wholeOf } from "../../static/src/variants/whole";

/** A document in base64, and what the page of variants would send of each account. */
export interface Written {
  readonly state: string;
  readonly wholes: Readonly<Record<string, unknown>>;
}

const accounts = ["0b0d2a36-55c4-4a41-9f4e-1d1f3a0c7c11", "7d9b8c54-2f0e-4b5d-8c7b-3a1e5f6d7c22"];
const junk: unknown[] = [1, "own", true, null, { kind: "adapted" }, { kind: "left out", base: 3 }, { at: 2 }, { at: "2" }, "a, #b,,b", " x "];

/** Does what people and other programs may do with the variants of a document, the same for the same seed. */
export function writeVariants(state: Uint8Array, seed: number): Written {
  const document = new Y.Doc();
  document.clientID = 1;
  Y.applyUpdate(document, state);
  const schema = getSchema([...documentExtensions({ writable: true }), ForeignBlock]);
  let at = seed;
  const random = (below: number): number => {
    at = (Math.imul(at, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (at >>> 8) % below;
  };
  const body = (): Node[] => readBody(document, schema);
  for (const account of accounts) {
    const variant = new Variant(document, account, schema);
    const deeds: (() => unknown)[] = [
      () => { variant.adapt(body()[random(body().length)] as Node); },
      () => { variant.adapt(body()[random(body().length)] as Node); },
      () => { variant.leaveOut(body()[random(body().length)] as Node); },
      () => { variant.setOwn(random(2) === 0); },
      () => { variant.addStart(); },
      () => { variant.addTitle(["Other", "", " spaced ", "Title"][random(4)] ?? ""); },
      () => variant.addReply(),
      () => { variant.write("link", ["https://a.example/", "x".repeat(2001), "", " y "][random(4)] ?? ""); },
      () => { variant.write("tags", ["a, #b,  c d", ",", "#", `x,${"y".repeat(101)}`][random(4)] ?? ""); },
      () => { variant.write("option/visibility", ["", "unlisted"][random(2)] ?? ""); },
      () => { document.getXmlFragment("default").delete(random(body().length), 1); },
      () => { variantsOf(document).set(`${account}/${["text", "block/b1", "reply/r", "tags", "title", "nothing"][random(6)] ?? ""}`, junk[random(junk.length)]); },
      () => {
        const fragment = document.getXmlFragment(rootsOf(account).start);
        fragment.insert(0, [new Y.XmlElement(["paragraph", "heading", "no such"][random(3)] ?? "")]);
      },
    ];
    for (let count = random(9); count > 0 && body().length > 1; count -= 1) deeds[random(deeds.length)]?.();
  }
  return {
    state: Buffer.from(Y.encodeStateAsUpdate(document)).toString("base64"),
    wholes: Object.fromEntries(accounts.map((account) => [account, wholeOf(document, schema, account, body())])),
  };
}
