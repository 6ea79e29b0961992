import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import { readMeaning } from "./frames";

/** Frames from this size on are sent in parts; servers take 8 MiB unless told otherwise. */
const largestBytes = 7 * 1024 * 1024;
const partBytes = 2 * 1024 * 1024;

const sync = 0;
const update = 2;

type Struct = Y.Item | Y.GC;

/** What a part has of one client: so many structs from a clock on, written one behind the other. */
interface Run {
  readonly clock: number;
  readonly encoder: Y.UpdateEncoderV1;
  count: number;
}

/**
 * Returns the frames to send in place of one: itself, or, for very much text at once, several updates in an order in
 * which each builds only on those before it, and what is deleted last. So whoever wrote for days without the server
 * can come back.
 */
export function inParts(frame: Uint8Array, limits = { largestBytes, partBytes }): Uint8Array[] {
  if (frame.length <= limits.largestBytes) return [frame];
  const meaning = readMeaning(frame);
  if (meaning !== "answer" && meaning !== "update") return [frame];
  const decoder = decoding.createDecoder(frame);
  const name = decoding.readVarUint8Array(decoder);
  decoding.readVarUint(decoder);
  const kind = decoding.readVarUint(decoder);
  const parts = split(decoding.readVarUint8Array(decoder), limits.partBytes);
  return parts.map((part, number) =>
    encode((encoder) => {
      encoding.writeVarUint8Array(encoder, name);
      encoding.writeVarUint(encoder, sync);
      // The last one has the meaning of all: whoever asked has been answered with it.
      encoding.writeVarUint(encoder, number === parts.length - 1 ? kind : update);
      encoding.writeVarUint8Array(encoder, part);
    }),
  );
}

/** Returns updates that together are the given one; only that one if it cannot be taken apart. */
function split(whole: Uint8Array, size: number): Uint8Array[] {
  const { structs, ds } = Y.decodeUpdate(whole);
  const queues = new Map<number, Struct[]>();
  for (const struct of structs) {
    if (struct instanceof Y.Skip) return [whole];
    const queue = queues.get(struct.id.client);
    if (queue === undefined) queues.set(struct.id.client, [struct]);
    else queue.push(struct);
  }
  const taken = new Map<number, number>();
  const isKnown = ({ client, clock }: Y.ID): boolean => {
    const queue = queues.get(client);
    return queue === undefined || clock < (queue[taken.get(client) ?? 0]?.id.clock ?? Infinity);
  };
  const parts: Uint8Array[] = [];
  let runs = new Map<number, Run>();
  let length = 0;
  // Client by client, as far as what the next struct builds on is there; until nothing is left, or all wait in a circle.
  for (let goesOn = true; goesOn; ) {
    goesOn = false;
    for (const [client, queue] of queues) {
      let index = taken.get(client) ?? 0;
      for (let struct = queue[index]; struct !== undefined && buildsOn(struct).every(isKnown); struct = queue[index]) {
        if (length >= size) {
          parts.push(writeUpdate(runs, []));
          runs = new Map();
          length = 0;
        }
        length += append(runs, client, struct);
        index += 1;
        taken.set(client, index);
        goesOn = true;
      }
    }
  }
  if ([...queues].some(([client, queue]) => taken.get(client) !== queue.length)) return [whole];
  return [...parts, writeUpdate(runs, [...ds.clients])];
}

/** What must be known before a struct is. */
function buildsOn(struct: Struct): Y.ID[] {
  if (struct instanceof Y.GC) return [];
  const parent: unknown = struct.parent;
  return [struct.origin, struct.rightOrigin, parent].filter((id) => id instanceof Y.ID);
}

/** Returns how many bytes the struct takes. */
function append(runs: Map<number, Run>, client: number, struct: Struct): number {
  const run = runs.get(client) ?? { clock: struct.id.clock, encoder: new Y.UpdateEncoderV1(), count: 0 };
  runs.set(client, run);
  const before = encoding.length(run.encoder.restEncoder);
  struct.write(run.encoder, 0);
  run.count += 1;
  return encoding.length(run.encoder.restEncoder) - before;
}

/** Source: Yjs, update format version 1. */
function writeUpdate(
  runs: ReadonlyMap<number, Run>,
  deleted: readonly (readonly [number, readonly { clock: number; len: number }[]])[],
): Uint8Array {
  return encode((encoder) => {
    encoding.writeVarUint(encoder, runs.size);
    for (const [client, run] of runs) {
      encoding.writeVarUint(encoder, run.count);
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, run.clock);
      encoding.writeUint8Array(encoder, encoding.toUint8Array(run.encoder.restEncoder));
    }
    encoding.writeVarUint(encoder, deleted.length);
    for (const [client, ranges] of deleted) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, ranges.length);
      for (const { clock, len } of ranges) {
        encoding.writeVarUint(encoder, clock);
        encoding.writeVarUint(encoder, len);
      }
    }
  });
}

function encode(write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  write(encoder);
  return encoding.toUint8Array(encoder);
}
