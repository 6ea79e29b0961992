const quietMilliseconds = 2500;

/** Says things to people who do not see the page; never more often than they can be listened to. */
export class Announcer {
  readonly #region: HTMLElement | null;
  readonly #waiting = new Map<string, string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(region: HTMLElement | null) {
    this.#region = region;
  }

  /** What is said later about the same subject replaces what was not yet said. */
  announce(subject: string, sentence: string): void {
    this.#waiting.set(subject, sentence);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#region) this.#region.textContent = [...this.#waiting.values()].join(" ");
      this.#waiting.clear();
    }, quietMilliseconds);
  }
}
