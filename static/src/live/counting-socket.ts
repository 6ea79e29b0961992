import { readMeaning } from "./frames";
import { inParts } from "./parts";
import { countIncoming, countOutgoing, emptyTally, type Tally } from "./tally";

/**
 * A WebSocket class that counts what decides "Saved". The provider's own count of unsynced changes is
 * not used: it is reset on every handshake and reaches zero too early when queued frames follow.
 */
export function countingSocket(onTally: (tally: Tally) => void): typeof WebSocket {
  return class CountingSocket extends WebSocket {
    #tally = emptyTally;

    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      onTally(this.#tally);
      // After the provider's own listener, which it adds in the same turn: a frame counts once it is applied.
      queueMicrotask(() => {
        this.addEventListener("message", (event: MessageEvent<unknown>) => {
          if (!(event.data instanceof ArrayBuffer)) return;
          this.#move(countIncoming(this.#tally, readMeaning(new Uint8Array(event.data))));
        });
      });
    }

    override send(data: string | Blob | BufferSource): void {
      if (!(data instanceof Uint8Array)) {
        super.send(data);
        return;
      }
      for (const frame of inParts(data)) {
        this.#move(countOutgoing(this.#tally, readMeaning(frame)));
        super.send(frame as Uint8Array<ArrayBuffer>);
      }
    }

    #move(tally: Tally): void {
      if (tally === this.#tally) return;
      this.#tally = tally;
      if (this.readyState === WebSocket.OPEN) onTally(tally);
    }
  };
}
