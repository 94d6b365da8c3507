// What a design costs: time, energy, area and utilization, the epoch, and other designs beside it.

import { COLOURS } from "../chart";
import { h, scroll, table, type Child } from "../dom";
import { area, bytes, percent, si } from "../format";
import { drawing } from "../picture";
import type { Beside, DesignAnswer } from "../types";

const joules = (value: number | null | undefined): string => si(value === null || value === undefined ? value : value / 1e12, "J");

/** The figures of a design, each in a tile. */
export function figures(answer: DesignAnswer): HTMLElement {
  const tiles: readonly (readonly [string, string, string])[] = [
    ["Time", si(answer.latency_s, "s"), "latency"],
    ["Energy", joules(answer.energy_pj), "energy"],
    ["Area", area(answer.area_um2), "area"],
    ["2D array busy", percent(answer.utilization_2d), "utilization-2d"],
    ["1D array busy", percent(answer.utilization_1d), "utilization-1d"],
    ["Traffic", bytes(answer.traffic_bytes), "traffic"],
    ["Bound by", answer.bound, "bound"],
    ["Of the roofline", percent(answer.roofline_fraction), "roofline"],
  ];
  return h("dl", { class: "tiles" }, tiles.map(([name, value, id]) => h("div", {}, h("dt", {}, name), h("dd", { id: `value-${id}` }, value))));
}

/** Where they come from; `beside` is where the comparison goes once it is there. */
export function costs(answer: DesignAnswer, beside: HTMLElement): Child[] {
  return [
    answer.feasible === false ? h("p", { class: "problem" }, "It does not fit: what it keeps on chip is more than the buffer holds.") : null,
    answer.explanation ? h("p", {}, answer.explanation) : null,
    (answer.notes ?? []).map((note) => h("p", { class: "note" }, note)),
    h("h2", {}, "Beside it"),
    beside,
    answer.gantt?.svg ? [h("h2", {}, "One epoch"), drawing("What each array runs, in cycles", answer.gantt.svg)] : null,
    shares(answer),
    answer.loops ? h("details", {}, h("summary", {}, "Loop nest"), scroll("Loop nest", h("pre", {}, answer.loops))) : null,
  ];
}

/** Bars of time and energy of this design and the others, each against the largest. */
export function comparison(answer: DesignAnswer, others: readonly Beside[]): HTMLElement {
  const rows: Beside[] = [{ ...answer, design: `${answer.design} (this)` }, ...others];
  const fills = [COLOURS[4], ...others.map((_, i) => COLOURS[(others.length - 1 - i) % COLOURS.length])]; // as in the report
  const largest = (key: "latency_s" | "energy_pj"): number => Math.max(...rows.map((row) => row[key] ?? 0));
  const bar = (value: number | null | undefined, most: number, place: number): Child => {
    const wide = value && most ? Math.max(0.5, (100 * value) / most) : 0;
    return h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "fill", style: `width:${wide.toFixed(1)}%;background:${fills[place] ?? ""}` }));
  };
  const [slowest, hungriest] = [largest("latency_s"), largest("energy_pj")];
  const ratio = (own: number | null | undefined, other: number | null | undefined): string =>
    own && other ? `${String(Number((other / own).toPrecision(3)))}×` : "";
  const cells = rows.map((row, i): Child[] => row.error
    ? [row.design, h("span", { class: "note" }, row.error), "", "", "", "", "", ""]
    : [
        row.design,
        h("span", { class: "measure" }, bar(row.latency_s, slowest, i), si(row.latency_s, "s")), i ? ratio(answer.latency_s, row.latency_s) : "",
        h("span", { class: "measure" }, bar(row.energy_pj, hungriest, i), joules(row.energy_pj)), i ? ratio(answer.energy_pj, row.energy_pj) : "",
        area(row.area_um2), percent(row.utilization_2d), row.bound ?? "",
      ]);
  return table("This design beside others", ["design", "time", "times this", "energy", "times this", "area", "2D busy", "bound by"], cells, [2, 4, 5, 6], true, [2, 4]);
}

/** Energy by component and by Einsum, largest first: where it goes. */
function shares(answer: DesignAnswer): Child {
  const energies = (answer.rows ?? []).filter((row) => row.quantity === "energy" && typeof row.value === "number");
  if (!energies.length) return null;
  const sum = (key: "component" | "einsum"): [string, number][] => {
    const found = new Map<string, number>();
    for (const row of energies) found.set(row[key] || "(all)", (found.get(row[key] || "(all)") ?? 0) + (row.value ?? 0));
    return [...found].sort((a, b) => b[1] - a[1]);
  };
  const part = (title: string, rows: readonly [string, number][]): Child => {
    const total = rows.reduce((all, [, value]) => all + value, 0) || 1;
    const body = rows.slice(0, 10).map(([name, value]): Child[] => [
      name,
      h("span", { class: "measure" }, h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "fill", style: `width:${((100 * value) / total).toFixed(1)}%` })), joules(value)),
      percent(value / total),
    ]);
    return h("div", {}, table(`Energy by ${title}`, [title, "energy", "share"], body, [2]));
  };
  return [h("h2", {}, "Where the energy goes"), h("div", { class: "pair" }, part("component", sum("component")), part("Einsum", sum("einsum")))];
}
