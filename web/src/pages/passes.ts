// What follows from a cascade: passes and why, the picture, work and footprint as formulas.

import { h, scroll, table, type Child } from "../dom";
import { count, endOf, formula } from "../format";
import { picture } from "../picture";
import type { CascadeAnswer, RankPasses, WorkDocument } from "../types";

export function results(answer: CascadeAnswer, asked: (rank: string) => void, chosen: (title: string) => void): Child[] {
  const ranks = Object.entries(answer.passes?.ranks ?? {});
  const about = answer.rank ?? most(ranks);
  return [
    answer.svg ? picture("Picture of the cascade; passes have colours, a dashed line ends one", answer.svg, chosen) : null,
    h("h2", {}, "Passes"),
    passesTable(ranks, about, asked),
    answer.work ? h("h2", {}, "Work") : null,
    answer.work ? workTable(answer.work) : null,
    answer.footprint?.length ? h("h2", {}, "Footprint") : null,
    answer.footprint?.length ? [h("p", {}, "Elements that a walk over a rank must keep while it goes on."), footprintTable(answer.footprint)] : null,
    answer.unicode ? h("details", {}, h("summary", {}, "As formulas"), scroll("As formulas", h("pre", {}, answer.unicode))) : null,
  ];
}

function most(ranks: readonly (readonly [string, RankPasses])[]): string | null {
  return byPasses(ranks)[0]?.[0] ?? null;
}

/** Ranks with the most passes first; a formula counts as more than any number. */
export function byPasses<T extends readonly [string, RankPasses]>(ranks: readonly T[]): T[] {
  const size = (counted: RankPasses): number => (typeof counted.passes === "number" ? counted.passes : Infinity);
  return [...ranks].sort((a, b) => (size(a[1]) === size(b[1]) ? 0 : size(b[1]) - size(a[1])));
}

/** How many passes, and what ends each: the one sentence to read first. */
export function headline(answer: CascadeAnswer): HTMLElement {
  return h("p", { class: "headline" }, words(answer, answer.rank ?? most(Object.entries(answer.passes?.ranks ?? {}))));
}

function words(answer: CascadeAnswer, about: string | null): Child[] {
  const counted = about === null ? undefined : answer.passes?.ranks[about];
  if (about === null || !counted) return [h("strong", {}, answer.name ?? ""), ": nothing is walked over."];
  const why = (counted.barriers ?? []).map((b) => `${b.einsums.join(", ")} (${b.reason}, line ${String(b.line)}) ends ${endOf(b.pass)}`);
  return [h("strong", {}, `${formula(count(counted.passes, "pass", "passes"))} over ${about}`), why.length ? `: ${why.join("; ")}.` : ": nothing forces a second one."];
}

function passesTable(ranks: readonly (readonly [string, RankPasses])[], about: string | null, asked: (rank: string) => void): HTMLElement {
  const rows = ranks.map(([rank, counted]) => [
    counted.barriers === undefined ? rank : h("button", { type: "button", class: "quiet", "aria-pressed": rank === about ? "true" : "false", "aria-label": `Draw passes over ${rank}`, onclick: () => { asked(rank); } }, rank),
    formula(String(counted.passes)),
    formula(String(counted.sweeps ?? "")) + (counted.conflict ? ", in conflict" : ""),
    Object.entries({ ...counted.tensors, ...counted.derived }).map(([name, passes]) => `${name} ${formula(String(passes))}`).join(", "),
    counted.barriers ? counted.barriers.map((b) => `${b.einsums.join(", ")} (${b.reason})`).join("; ") || "none" : "",
  ]);
  return table("Passes over each rank", ["rank", "passes", "sweeps", "tensors", "barriers"], rows, [1, 2]);
}

function workTable(work: WorkDocument): HTMLElement {
  const row = (r: WorkDocument["einsums"][number]): Child[] => [r.einsum, r.kind, h("code", {}, formula(r.formula)), r.operations?.toLocaleString("en") ?? "unknown"];
  const sizes = Object.entries(work.sizes).map(([rank, size]) => `${rank} = ${String(size)}`).join(", ");
  const total = (r: WorkDocument["einsums"][number]): Child[] => row(r).map((cell) => h("strong", {}, cell));
  const rows = [...work.einsums.map(row), ...Object.values(work.total).map(total)];
  return h("div", {}, table("Operations per Einsum", ["Einsum", "kind", "formula", "operations"], rows, [3]), h("p", { class: "note" }, `at ${sizes}`));
}

function footprintTable(rows: readonly Record<string, unknown>[]): HTMLElement {
  const heads = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (name: string, value: unknown): Child => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
    return ["formula", "elements"].includes(name) ? h("code", {}, formula(text)) : text;
  };
  const body = rows.map((row) => heads.map((name) => cell(name, row[name])));
  return table("What must stay on chip", heads.map((name) => name.replaceAll("_", " ")), body);
}
