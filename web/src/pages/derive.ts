// The Derive panel: the chain from a cascade to one with fewer passes, law by law.

import { latest } from "../api";
import { button, field, fill, h, say, scroll, type Child } from "../dom";
import { difference } from "../diff";
import { count, error } from "../format";
import { problem, problemBox } from "../problem";
import { save } from "../share";
import { byPasses } from "./passes";
import type { DeriveAnswer, Link, RankPasses } from "../types";

export interface DerivePanel { readonly element: HTMLElement; ranks(found: Record<string, RankPasses>): void; clear(): void }

/** `text` gives the cascade as it stands, `use` takes a derived one into the editor. */
export function derivePanel(text: () => string, use: (text: string) => void): DerivePanel {
  const failed = problemBox();
  const place = h("div", { id: "chain" });
  const ranks = h("select", { id: "derive-rank" });
  const tile = h("input", { id: "derive-tile", size: 10, placeholder: "M0=4", autocomplete: "off" });
  const run = async (): Promise<void> => {
    problem(failed, null);
    go.disabled = true;
    fill(place, h("p", { class: "note", role: "status" }, "Looking for equal forms with fewer passes…"));
    try {
      const body = { text: text(), ...(ranks.value ? { rank: ranks.value } : {}), ...tiles(tile.value) };
      const answer = await latest<DeriveAnswer>("derive", "/api/derive.json", body);
      if (answer) fill(place, chain(answer, use));
    } catch (trouble) {
      fill(place);
      problem(failed, trouble);
    } finally {
      go.disabled = false;
    }
  };
  const go = button("Derive", () => void run(), { class: "primary", id: "derive" });
  const bar = h("div", { class: "bar" }, field("Rank", ranks), field("Tile (optional)", tile), go);
  const lead = h("p", {}, "An algebraically equal cascade with the fewest passes: each step is a named law, and is checked on random numbers.");
  return {
    element: h("section", { class: "derive", "aria-labelledby": "derive-title" }, h("h2", { id: "derive-title" }, "Derive"), lead, bar, failed, place),
    ranks(found) {
      const sorted = byPasses(Object.entries(found).filter(([, counted]) => counted.barriers));
      const kept = ranks.value;
      fill(ranks, sorted.map(([rank, counted]) => h("option", { value: rank }, `${rank} (${String(counted.passes)})`)));
      if (kept in found) ranks.value = kept;
    },
    clear() {
      fill(place);
      problem(failed, null);
      ranks.value = "";
    },
  };
}

/** `M0=4, P0=2` as the server takes it; what cannot be read is left for the server to refuse. */
function tiles(words: string): { tile?: Record<string, number> } {
  const pairs = words.split(/[\s,]+/).filter(Boolean).map((pair) => pair.split("="));
  return pairs.length ? { tile: Object.fromEntries(pairs.map(([name, size]) => [name ?? "", Number(size)])) } : {};
}

function chain(answer: DeriveAnswer, use: (text: string) => void): Child[] {
  const steps = answer.chain.slice(1);
  const result = `${count(answer.passes_before, "pass", "passes")} over ${answer.rank} → ${String(answer.passes_after)}`;
  say(`${result} in ${count(steps.length, "step", "steps")}`);
  return [
    h("p", { class: "headline", id: "derived" }, h("strong", {}, result), answer.stable === false ? ", not stable" : answer.stable ? ", stable" : ""),
    answer.certificate ? certificate(answer.certificate) : null,
    steps.length ? stepper(answer, use) : h("p", {}, "No step: the cascade stays as it is."),
  ];
}

function certificate(found: NonNullable<DeriveAnswer["certificate"]>): HTMLElement {
  const kind = found.kind === "proof" ? "Proof that no equal form has fewer" : "Evidence that no equal form has fewer";
  return h("div", { class: "certificate" }, h("strong", {}, `${kind}: `), found.barrier ? [h("code", {}, found.barrier), ". "] : null, found.reason);
}

function stepper(answer: DeriveAnswer, use: (text: string) => void): HTMLElement {
  const links = answer.chain;
  let at = 1;
  const body = h("div", { id: "step", role: "region", "aria-live": "polite", "aria-label": "Step" });
  const tabs = links.slice(1).map((link, i) => button(`${String(i + 1)}. ${link.law ?? ""}`, () => { move(i + 1); }, { class: "quiet law" }));
  const back = button("← Back", () => { move(at - 1); });
  const next = button("Next →", () => { move(at + 1); }, { id: "next-step" });
  const move = (to: number): void => {
    at = Math.min(Math.max(to, 1), links.length - 1);
    const [before, after] = [links[at - 1], links[at]];
    if (before && after) fill(body, step(at, links.length - 1, before, after, answer.samples));
    back.disabled = at === 1;
    next.disabled = at === links.length - 1;
    tabs.forEach((tab, i) => { tab.setAttribute("aria-current", i + 1 === at ? "step" : "false"); });
  };
  move(1);
  const last = links.at(-1)?.text ?? "";
  return h(
    "div", {},
    h("div", { class: "bar laws" }, back, tabs, next),
    body,
    h("div", { class: "bar" }, button("Take this step's text", () => { use(links[at]?.text ?? last); }), button("Take the result", () => { use(last); }), button("Save the result", () => { save("derived.cascade", last); })),
  );
}

function step(number: number, of: number, before: Link, after: Link, samples: number | undefined): Child[] {
  const inputs = samples === undefined ? "random inputs" : `${String(samples)} random inputs`;
  const where = typeof after.einsums === "string" ? after.einsums : (after.einsums ?? []).join(", ");
  const check = after.max_error === null || after.max_error === undefined ? "not checked on numbers" : `largest relative error on ${inputs}: ${error(after.max_error)}`;
  const signs = { " ": "same", "-": "gone", "+": "new" } as const;
  const spoken = { " ": null, "-": "removed: ", "+": "added: " } as const;
  const lines = difference(before.text, after.text).map(({ sign, text }) =>
    h("span", { class: signs[sign] }, spoken[sign] && h("span", { class: "spoken" }, spoken[sign]), `${sign} ${text}`));
  return [
    h("h3", {}, `Step ${String(number)} of ${String(of)}: ${after.law ?? ""}`),
    after.title ? h("p", {}, `${after.title}.`, after.precondition ? h("span", { class: "note" }, ` Allowed because: ${after.precondition}.`) : null) : null,
    h("p", {}, where ? ["At ", h("code", {}, where), ": "] : null, `${String(before.passes)} → ${count(after.passes, "pass", "passes")}; ${check}.`),
    after.detail ? h("p", { class: "note" }, after.detail) : null,
    scroll("What the step changes", h("pre", { class: "difference" }, lines)),
  ];
}
