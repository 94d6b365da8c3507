// Requests to the server this page came from. A newer request of the same kind ends the older one.

export interface Place { line: number; column: number; length: number; message: string; suggestion?: string | null }
interface Failure { error?: { kind?: string; message?: string; text?: string; places?: Place[] } }

/** What the server refused or could not do, with the text the command line prints. */
export class ServerError extends Error {
  constructor(readonly status: number, readonly kind: string, message: string, readonly places: readonly Place[]) {
    super(message);
  }
}

const running = new Map<string, AbortController>();

async function ask<T>(path: string, options: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, Accept: "application/json" } });
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === "AbortError") throw problem;
    throw new ServerError(0, "Connection", "The server does not answer: is 'fusemax serve' still running?", []);
  }
  const text = await response.text();
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new ServerError(response.status, "Answer", `The server answered ${String(response.status)} without JSON.`, []);
  }
  if (!response.ok) {
    const failure = (found as Failure).error ?? {};
    const message = failure.text ?? failure.message ?? `The server answered ${String(response.status)}.`;
    throw new ServerError(response.status, failure.kind ?? "Error", message, failure.places ?? []);
  }
  return found as T;
}

export const get = <T>(path: string): Promise<T> => ask<T>(path, {});

export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const options = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return ask<T>(path, signal ? { ...options, signal } : options);
}

/** Like `post`, but ends an earlier request of the same kind; null when this one was ended by a later one. */
export async function latest<T>(kind: string, path: string, body: unknown): Promise<T | null> {
  running.get(kind)?.abort();
  const mine = new AbortController();
  running.set(kind, mine);
  try {
    return await post<T>(path, body, mine.signal);
  } catch (problem) {
    if (mine.signal.aborted) return null;
    throw problem;
  } finally {
    if (running.get(kind) === mine) running.delete(kind);
  }
}

/** Calls `action` once nothing has happened for so many milliseconds. */
export function debounced(milliseconds: number, action: () => void): () => void {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(action, milliseconds);
  };
}
