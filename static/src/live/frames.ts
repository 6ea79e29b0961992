import * as decoding from "lib0/decoding";

/** What a frame of the Hocuspocus dialect means for saving; every other frame is "other". */
export type FrameMeaning = "question" | "answer" | "update" | "accepted" | "refused" | "other";

const sync = 0;
const syncStatus = 8;

/**
 * Reads only the head of a frame: document name, message type, and the one number after it.
 * A frame too short to say what it is counts as "other"; the provider reports it.
 */
export function readMeaning(frame: Uint8Array): FrameMeaning {
  // A ping or pong is one byte without a document name.
  if (frame.length < 3) return "other";
  try {
    const decoder = decoding.createDecoder(frame);
    decoding.readVarUint8Array(decoder);
    const type = decoding.readVarUint(decoder);
    if (type === syncStatus) return decoding.readVarInt(decoder) === 1 ? "accepted" : "refused";
    if (type !== sync) return "other";
    return (["question", "answer", "update"] as const)[decoding.readVarUint(decoder)] ?? "other";
  } catch {
    return "other";
  }
}
