// How a page shows what went wrong: in place, in words, read out.

import { ServerError } from "./api";
import { fill, h } from "./dom";

/** Shows a problem in a box that is read out; null clears it. */
export function problem(box: HTMLElement, found: unknown): void {
  if (found === null) {
    fill(box);
    return;
  }
  const words = found instanceof Error ? found.message : String(found);
  const lines = words.includes("\n");
  const heading = found instanceof ServerError && found.kind === "Limit" ? "This took too long or too much memory." : null;
  fill(box, h("div", { class: "problem" }, heading && h("p", {}, heading), h(lines ? "pre" : "p", {}, words)));
}

/** An empty box for problems. */
export const problemBox = (): HTMLElement => h("div", { role: "alert", class: "problems" });
