import { say } from "../editor/words";
import type { Person, Place, ReactionKind, Thread, ThreadPage } from "./model";

const mostMilliseconds = 20_000;

/** The server did not do it; the message is a sentence for a person. */
export class Refusal extends Error {
  constructor(
    sentence: string,
    readonly status: number,
  ) {
    super(sentence);
  }
}

async function sentenceOf(answer: Response): Promise<string> {
  try {
    const problem = (await answer.json()) as { detail?: unknown; errors?: readonly { detail?: unknown }[] };
    const said = problem.errors?.[0]?.detail ?? problem.detail;
    if (typeof said === "string") return said;
  } catch {
    // A proxy's page, or half an answer.
  }
  return say("comments.failed");
}

/** Which suggestion a thread is to be about. */
export interface SuggestionName {
  readonly by: string;
  readonly id: string;
}

/** The comments of one document, as the server has them. Everything throws Refusal. */
export class CommentsApi {
  readonly #address: string;
  readonly #csrf: string;

  /** `api`: where the calls about the document begin. */
  constructor(api: string, csrf: string) {
    this.#address = `${api}/comments`;
    this.#csrf = csrf;
  }

  page(parameters: Readonly<Record<string, string>>): Promise<ThreadPage> {
    return this.#ask("GET", `?${new URLSearchParams(parameters).toString()}`) as Promise<ThreadPage>;
  }

  async people(query: string): Promise<readonly Person[]> {
    const found = (await this.#ask("GET", `/people?${new URLSearchParams({ q: query }).toString()}`)) as {
      people: readonly Person[];
    };
    return found.people;
  }

  /** `id` is the comment's: a request that is repeated after a silence adds nothing. */
  begin(id: string, text: string, place: Place, about: SuggestionName | null): Promise<Thread> {
    const suggestion = about && { author_id: about.by, id: about.id };
    return this.#ask("POST", "", { id, text, place, ...(suggestion && { suggestion }) }) as Promise<Thread>;
  }

  reply(id: string, threadId: string, text: string): Promise<Thread> {
    return this.#ask("POST", "", { id, text, thread_id: threadId }) as Promise<Thread>;
  }

  change(commentId: string, text: string): Promise<Thread> {
    return this.#ask("PUT", `/${commentId}`, { text }) as Promise<Thread>;
  }

  async remove(commentId: string): Promise<void> {
    await this.#ask("DELETE", `/${commentId}`);
  }

  resolve(commentId: string, resolved: boolean): Promise<Thread> {
    return this.#ask("POST", `/${commentId}/${resolved ? "resolve" : "reopen"}`) as Promise<Thread>;
  }

  move(commentId: string, place: Place): Promise<Thread> {
    return this.#ask("PUT", `/${commentId}/place`, { ...place }) as Promise<Thread>;
  }

  react(commentId: string, kinds: readonly ReactionKind[]): Promise<Thread> {
    return this.#ask("PUT", `/${commentId}/reactions`, { reactions: kinds }) as Promise<Thread>;
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    let answer: Response;
    try {
      answer = await fetch(this.#address + path, {
        method,
        headers: {
          ...(method === "GET" ? {} : { "X-CSRF-Token": this.#csrf }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        signal: AbortSignal.timeout(mostMilliseconds),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Refusal(say("comments.unreachable"), 0);
    }
    if (!answer.ok) throw new Refusal(await sentenceOf(answer), answer.status);
    return answer.status === 204 ? null : ((await answer.json()) as unknown);
  }
}
