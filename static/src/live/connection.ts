import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { timeToHurry, waitBeforeAttempt, waitForWindow } from "./backoff";
import { type Ending, readClosing, readRefusal } from "./closing";
import { countingSocket } from "./counting-socket";
import { type Rights, readRights } from "./rights";
import { emptyTally, isSettled, type Tally } from "./tally";

/** A server that does not answer in this time is treated as gone. */
const attemptLimitMilliseconds = 15_000;

/** The provider's socket, with a way to let go of a connection whose end the browser has not noticed. */
class LettingGoSocket extends HocuspocusProviderWebsocket {
  /**
   * What comes while there is no connection is not kept for the next: there each side tells what it has and the other
   * lacks. The provider would keep, and send at every visit, the whole document that this browser's store brings.
   */
  override send(message: unknown): void {
    if (this.webSocket?.readyState === WebSocket.OPEN) super.send(message);
  }

  letGo(): void {
    if (this.webSocket !== null) this.emit("close", { event: { code: 1006, reason: "" } });
  }
}

export type Link = "idle" | "connecting" | "open" | "waiting" | "refused";
export type Refusal = Extract<Ending, { kind: "refused" }>;

export interface ConnectionOptions {
  readonly url: string;
  readonly documentId: string;
  readonly epoch: string;
  readonly document: Y.Doc;
  readonly ticket?: string;
  /** Called after anything below changed. */
  readonly onChange: () => void;
}

/**
 * This page's link to its document. It decides itself when to come back: the provider's own retries keep
 * no time that could be shown, and do not tell a refusal from a fault.
 */
export class Connection {
  readonly provider: HocuspocusProvider;
  readonly awareness: Awareness;
  link: Link = "idle";
  refusal: Refusal | null = null;
  /** When the next attempt starts; milliseconds, null while none is planned. */
  retryAt: number | null = null;
  /** What the server allows on this connection; null until it has said so. */
  rights: Rights | null = null;
  #tally: Tally = emptyTally;
  #failures = 0;
  #attemptedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #limit: ReturnType<typeof setTimeout> | undefined;
  readonly #socket: LettingGoSocket;
  readonly #onChange: () => void;

  constructor(options: ConnectionOptions) {
    this.#onChange = options.onChange;
    this.#socket = new LettingGoSocket({
      url: options.url,
      autoConnect: false,
      maxAttempts: 1,
      WebSocketPolyfill: countingSocket((tally) => {
        this.#count(tally);
      }),
      onClose: ({ event }) => {
        this.#closed(readClosing(event.code, event.reason));
      },
    });
    this.provider = new HocuspocusProvider({
      name: options.documentId,
      document: options.document,
      websocketProvider: this.#socket,
      token: `${options.ticket ?? ""};epoch=${options.epoch}`,
      onAuthenticated: ({ scope }) => {
        this.rights = readRights(scope);
        this.#onChange();
      },
      onAuthenticationFailed: ({ reason }) => {
        this.#refuse(readRefusal(reason));
      },
      // The dialect's own "close this document" arrives as code 1000 with the true code in the reason.
      onClose: ({ event }) => {
        if (event.code === 1000 && /^\d{4} /.test(event.reason)) this.#refuse(readRefusal(event.reason));
      },
    });
    if (this.provider.awareness === null) throw new Error("The provider was made without awareness.");
    this.awareness = this.provider.awareness;
    this.provider.attach();
  }

  get settled(): boolean {
    return this.link === "open" && isSettled(this.#tally);
  }

  get turnedDown(): boolean {
    return this.#tally.refused > 0;
  }

  /** Whole seconds until the next attempt, at least 1 while waiting. */
  secondsLeft(now: number): number {
    return this.retryAt === null ? 0 : Math.max(1, Math.ceil((this.retryAt - now) / 1000));
  }

  /** Connect now; also the answer to "Retry now". */
  connect(): void {
    if (this.link === "refused" || this.link === "open" || this.link === "connecting") return;
    clearTimeout(this.#timer);
    clearTimeout(this.#limit);
    this.retryAt = null;
    this.link = "connecting";
    this.#attemptedAt = Date.now();
    this.#limit = setTimeout(() => {
      this.#socket.letGo();
    }, attemptLimitMilliseconds);
    // It never rejects: a failed attempt ends in a close event.
    void this.#socket.connect();
    this.#onChange();
  }

  /** Do not wait the whole pause out: the network is back, or the person looks at the page again. */
  hurry(): void {
    if (this.link !== "waiting") return;
    const now = Date.now();
    const at = timeToHurry(now, this.#attemptedAt);
    if (this.retryAt === null || at < this.retryAt) this.#attemptAt(at, now);
  }

  /** The browser lost its network: a socket that still seems open would only pretend. */
  pause(): void {
    if (this.link === "refused") return;
    this.link = "waiting";
    this.retryAt = null;
    this.#stop();
    this.#onChange();
  }

  #count(tally: Tally): void {
    this.#tally = tally;
    if (tally.received && this.link === "connecting") {
      this.#failures = 0;
      clearTimeout(this.#limit);
      this.link = "open";
    }
    this.#onChange();
  }

  /** Lets go of the socket at once; the browser may take long to close one whose network is gone. */
  #stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#limit);
    this.#socket.disconnect();
    this.#socket.letGo();
    this.#tally = emptyTally;
  }

  #refuse(ending: Ending): void {
    if (ending.kind !== "refused") {
      this.#closed(ending);
      this.#socket.letGo();
      return;
    }
    this.refusal = ending;
    this.link = "refused";
    this.#stop();
    this.#onChange();
  }

  #closed(ending: Ending): void {
    // Keeps the socket's own reconnecting from starting beside ours.
    this.#socket.shouldConnect = false;
    this.#tally = emptyTally;
    clearTimeout(this.#limit);
    if (this.link === "refused" || this.link === "waiting") return;
    if (ending.kind === "refused") {
      this.refusal = ending;
      this.link = "refused";
      this.#onChange();
      return;
    }
    const seconds =
      ending.kind === "wait"
        ? waitForWindow(ending.windowSeconds, Math.random())
        : waitBeforeAttempt(this.#failures, Math.random());
    this.#failures += 1;
    this.link = "waiting";
    const now = Date.now();
    this.#attemptAt(now + seconds * 1000, now);
  }

  #attemptAt(at: number, now: number): void {
    clearTimeout(this.#timer);
    this.retryAt = at;
    this.#timer = setTimeout(() => {
      this.link = "idle";
      this.connect();
    }, at - now);
    this.#onChange();
  }
}
