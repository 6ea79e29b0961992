import { say } from "./words";

export interface UploadedAsset {
  readonly url: string;
  readonly width: number | null;
  readonly height: number | null;
}

export interface UploadTarget {
  readonly url: string;
  readonly csrf: string;
  readonly maxBytes: number;
}

/** Why an upload did not work, as a sentence for the person; `retry` when trying again can help. */
export class UploadProblem extends Error {
  constructor(
    sentence: string,
    readonly retry: boolean,
  ) {
    super(sentence);
  }
}

export const acceptedTypes = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];

/** A server that says nothing for this long is given up on; progress keeps an upload alive. */
const silentLimitMilliseconds = 60_000;

export function megabytes(bytes: number): string {
  const value = bytes / (1024 * 1024);
  return new Intl.NumberFormat(document.documentElement.lang || undefined, { maximumFractionDigits: 1 }).format(value);
}

/** What is wrong with this file before anything is sent, or null. */
export function problemWith(file: File, target: UploadTarget): UploadProblem | null {
  if (!acceptedTypes.includes(file.type)) return new UploadProblem(say("upload.type", { name: file.name }), false);
  if (file.size > target.maxBytes) {
    const gaps = { name: file.name, size: megabytes(file.size), limit: megabytes(target.maxBytes) };
    return new UploadProblem(say("upload.tooLarge", gaps), false);
  }
  return null;
}

function readAsset(text: string): UploadedAsset | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("url" in body) || typeof body.url !== "string") return null;
    const { width, height } = body as { width?: unknown; height?: unknown };
    return {
      url: body.url,
      width: typeof width === "number" ? width : null,
      height: typeof height === "number" ? height : null,
    };
  } catch {
    return null;
  }
}

/** The sentence of a problem+json answer, if it has one. */
function readDetail(text: string): string | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null) return null;
    const { detail, title } = body as { detail?: unknown; title?: unknown };
    return typeof detail === "string" && detail !== "" ? detail : typeof title === "string" ? title : null;
  } catch {
    return null;
  }
}

/**
 * Sends one file. XMLHttpRequest, because fetch does not tell how far a request has come.
 * Rejects with an UploadProblem.
 */
export function uploadFile(
  file: File,
  target: UploadTarget,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<UploadedAsset> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        request.abort();
        reject(new UploadProblem(say("upload.network", { name: file.name }), true));
      }, silentLimitMilliseconds);
    };
    request.upload.addEventListener("progress", (event) => {
      heard();
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(silence);
    });
    request.addEventListener("load", () => {
      const asset = request.status === 201 || request.status === 200 ? readAsset(request.responseText) : null;
      if (asset !== null) {
        resolve(asset);
        return;
      }
      const detail = readDetail(request.responseText) ?? say("upload.refused", { name: file.name });
      reject(new UploadProblem(detail, request.status >= 500 || request.status === 429 || request.status === 408));
    });
    request.addEventListener("error", () => {
      reject(new UploadProblem(say("upload.network", { name: file.name }), true));
    });
    signal.addEventListener("abort", () => {
      request.abort();
      reject(new UploadProblem(say("upload.network", { name: file.name }), true));
    });
    request.open("POST", target.url);
    request.setRequestHeader("X-CSRF-Token", target.csrf);
    request.setRequestHeader("Accept", "application/json");
    const body = new FormData();
    body.append("file", file);
    heard();
    request.send(body);
  });
}
