// A point of a sweep or a search: its design's text, and the way to the Design page.

import { get } from "../api";
import { button, fill, h, scroll } from "../dom";
import { problem, problemBox } from "../problem";
import { copy, save, toFragment } from "../share";
import type { Settings } from "../sliders";
import type { Point } from "../types";

interface PointAnswer { name?: string; text: string; workload?: string; seq_len?: number; accounting?: string; set?: Settings }
export interface PointPanel { readonly element: HTMLElement; open(job: string, point: Point): Promise<void>; close(): void }

export function pointPanel(): PointPanel {
  const element = h("section", { class: "card", id: "point", tabindex: -1, "aria-label": "The chosen point", hidden: true });
  return {
    element,
    close() {
      element.hidden = true;
    },
    async open(job, point) {
      element.hidden = false;
      const failed = problemBox();
      const title = [point.series, point.label].filter(Boolean).join(", ") || point.key;
      try {
        const found = await get<PointAnswer>(`/api/points/${encodeURIComponent(job)}/${encodeURIComponent(point.key)}.json`);
        const length = found.seq_len === undefined ? {} : { seq_len: found.seq_len };
        const state = { design: found.text, ...(found.workload ? { workload: found.workload } : {}), ...(found.accounting ? { accounting: found.accounting } : {}), ...length, set: found.set ?? {} };
        const link = h("a", { href: `/design#${await toFragment(state)}`, class: "button primary" }, "Open in Design");
        const copied = button("Copy", () => void copy(found.text).then(() => { copied.textContent = "Copied"; }));
        fill(element, h("h3", {}, title), h("div", { class: "bar" }, link, copied, button("Save", () => { save("point.yaml", found.text); })), scroll("The design", h("pre", {}, found.text)));
      } catch (trouble) {
        fill(element, h("h3", {}, title), failed);
        problem(failed, trouble);
      }
      element.focus({ preventScroll: true });
      element.scrollIntoView({ block: "nearest" });
    },
  };
}
