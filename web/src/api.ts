// Requests to the server this page came from.

export interface Place { file?: string; line: number; column: number; length: number; message: string; suggestion?: string | null }
interface Failure { error?: { kind?: string; message?: string; text?: string; places?: Place[] } }

/** What the server refused or could not do, with the text the command line prints. */
export class ServerError extends Error {
  constructor(readonly status: number, readonly kind: string, message: string, readonly places: readonly Place[]) {
    super(message);
  }
}

/** So long a request that has become stale may go on: most end by themselves, and ending one costs the server a worker. */
const PATIENCE_MS = 1000;
const wanted = new Map<string, symbol>();
const running = new Map<string, { stop: AbortController; ended: Promise<unknown> }>();

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

/**
 * Like `post`, with one request of a kind at a time: the newest waits a moment for the one before it, then ends it. Null
 * when a newer one came first.
 */
export async function latest<T>(kind: string, path: string, body: unknown): Promise<T | null> {
  const mine = Symbol(kind);
  wanted.set(kind, mine);
  const before = running.get(kind);
  if (before) {
    await Promise.race([before.ended, new Promise((done) => { setTimeout(done, PATIENCE_MS); })]);
    if (wanted.get(kind) !== mine) return null;
    before.stop.abort();
  }
  const stop = new AbortController();
  const answer = post<T>(path, body, stop.signal);
  const ended = answer.catch(() => null);
  running.set(kind, { stop, ended });
  try {
    return await answer;
  } catch (problem) {
    if (stop.signal.aborted) return null;
    throw problem;
  } finally {
    if (running.get(kind)?.stop === stop) running.delete(kind);
  }
}

/** Calls `action` with what it was given last, once nothing has happened for so many milliseconds. */
export function paused<T>(milliseconds: number, action: (given: T) => void): (given: T) => void {
  let waiting = 0;
  return (given) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { action(given); }, milliseconds);
  };
}

export function debounced(milliseconds: number, action: () => void): () => void {
  const later = paused<null>(milliseconds, action);
  return () => { later(null); };
}

/** Calls `action` once for all that happens within one task: a slider tells of its move and of its end. */
export function together(action: () => void): () => void {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    queueMicrotask(() => {
      waits = false;
      action();
    });
  };
}

/** Calls `action` when what was changed has been painted. */
export function afterPaint(action: () => void): void {
  requestAnimationFrame(() => { setTimeout(action); });
}
