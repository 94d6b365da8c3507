// A scatter chart on logarithmic axes with the Pareto front as a staircase; its points can be reached by keyboard.

import { h, s } from "./dom";
import { area, si } from "./format";
import type { Axis, Point } from "./types";

// The report's colours and shapes, given out by order (src/fusemax/report/palette.py).
export const COLOURS = ["#777777", "#995533", "#3399cc", "#9922dd", "#ee6611", "#446688", "#ff11bb", "#dd55ff"] as const;
const SERIES = ["#5544ff", "#bb0099", "#44bb00", "#bb9988", "#557722", "#ee66ff"] as const;
const [LEFT, RIGHT, TOP, BOTTOM] = [84, 24, 16, 52] as const;
const [WIDE, NARROW] = [[760, 420], [440, 360]] as const;

interface Scale { low: number; high: number; at(value: number): number; ticks: number[] }

function scale(values: readonly number[], from: number, to: number, most: number): Scale {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const least = positive.length ? Math.min(...positive) : 1;
  const largest = positive.length ? Math.max(...positive) : 1;
  const [low, high] = [least / 1.15, largest * 1.15];
  const at = (value: number): number => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 }, (_, i) => Math.floor(Math.log10(low)) + i);
  const choices = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]].map((steps) =>
    decades.flatMap((decade) => steps.map((step) => Number(`${String(step)}e${String(decade)}`))).filter((tick) => tick >= low && tick <= high));
  const ticks = choices.find((found) => found.length <= most) ?? choices.at(-1) ?? [];
  return { low, high, at, ticks: ticks.length > 2 ? ticks : even(low, high, most) };
}

/** Ticks at even steps, for a range within which hardly a round number of a logarithmic scale falls. */
function even(low: number, high: number, most: number): number[] {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Areas are kept in um^2 and read in mm^2; the rest takes a prefix. */
function words(value: number, axis: Axis): string {
  if (axis.unit === "um^2") return area(value);
  if (axis.unit === "pJ") return si(value / 1e12, "J");
  return si(value, axis.unit === "1" ? "" : axis.unit);
}

export interface Scatter { readonly element: HTMLElement; draw(points: readonly Point[], axes: { x: Axis; y: Axis }): void; choose(key: string | null): void }

export function scatter(chosen: (point: Point) => void): Scatter {
  const element = h("figure", { class: "chart" });
  let current: string | null = null;
  const mark = (): void => {
    element.querySelectorAll("[data-key]").forEach((dot) => { dot.classList.toggle("chosen", dot.getAttribute("data-key") === current); });
  };
  return {
    element,
    choose(key) {
      current = key;
      mark();
    },
    draw(points, axes) {
      const focused = document.activeElement?.getAttribute("data-key");
      const shown = points.filter((p) => p.x > 0 && p.y > 0 && Number.isFinite(p.x) && Number.isFinite(p.y));
      element.replaceChildren(chart(shown, axes, chosen, element.clientWidth < 520), legend(shown));
      mark();
      if (focused) element.querySelector<SVGElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    },
  };
}

function chart(points: readonly Point[], axes: { x: Axis; y: Axis }, chosen: (point: Point) => void, isNarrow: boolean): SVGSVGElement {
  const [width, height] = isNarrow ? NARROW : WIDE;
  const x = scale(points.map((p) => p.x), LEFT, width - RIGHT, isNarrow ? 4 : 7);
  const y = scale(points.map((p) => p.y), height - BOTTOM, TOP, 9);
  const series = seriesOf(points);
  const front = points.filter((p) => p.front).sort((a, b) => a.x - b.x || b.y - a.y);
  const rest = points.filter((p) => !p.front);
  const dot = (p: Point): SVGElement => point(p, x.at(p.x), y.at(p.y), series.indexOf(p.series ?? ""), axes, chosen);
  const label = `${String(points.length)} points, ${String(front.length)} on the front: ${axes.y.name} against ${axes.x.name}`;
  return s(
    "svg", { viewBox: `0 0 ${String(width)} ${String(height)}`, role: "group", "aria-label": label },
    s("g", { class: "grid" },
      x.ticks.map((tick) => [
        s("line", { x1: x.at(tick), x2: x.at(tick), y1: TOP, y2: height - BOTTOM }),
        s("text", { x: x.at(tick), y: height - BOTTOM + 18, "text-anchor": "middle" }, words(tick, axes.x)),
      ]),
      y.ticks.map((tick) => [
        s("line", { x1: LEFT, x2: width - RIGHT, y1: y.at(tick), y2: y.at(tick) }),
        s("text", { x: LEFT - 8, y: y.at(tick) + 4, "text-anchor": "end" }, words(tick, axes.y)),
      ])),
    s("text", { x: (LEFT + width - RIGHT) / 2, y: height - 10, "text-anchor": "middle", class: "axis" }, axes.x.name),
    s("text", { transform: `translate(16 ${String((TOP + height - BOTTOM) / 2)}) rotate(-90)`, "text-anchor": "middle", class: "axis" }, axes.y.name),
    series.map((name) => front.filter((p) => (p.series ?? "") === name)).map((own) =>
      own.length > 1 ? s("path", { class: "front", stroke: colour(series.indexOf(own[0]?.series ?? "")), d: staircase(own.map((p) => [x.at(p.x), y.at(p.y)])) }) : null),
    rest.map(dot),
    front.map(dot),
  );
}

/** Right, then up or down: what no design between two points of the front can promise is left out. */
function staircase(places: readonly (readonly [number, number])[]): string {
  return places.map(([x, y], i) => (i === 0 ? `M${x.toFixed(1)} ${y.toFixed(1)}` : `H${x.toFixed(1)}V${y.toFixed(1)}`)).join("");
}

const seriesOf = (points: readonly Point[]): string[] => [...new Set(points.map((p) => p.series ?? ""))].sort();
const colour = (place: number): string => SERIES[place % SERIES.length] ?? SERIES[0];

/** Circles, squares, triangles, diamonds by series: a second cue beside colour. */
function shape(place: number, x: number, y: number, r: number): string {
  switch (place % 4) {
    case 0: return `M${String(x - r)} ${String(y)}a${String(r)} ${String(r)} 0 1 0 ${String(2 * r)} 0a${String(r)} ${String(r)} 0 1 0 ${String(-2 * r)} 0Z`;
    case 1: return `M${String(x - r)} ${String(y - r)}h${String(2 * r)}v${String(2 * r)}h${String(-2 * r)}Z`;
    case 2: return `M${String(x)} ${String(y - r)}L${String(x + r)} ${String(y + r)}H${String(x - r)}Z`;
    default: return `M${String(x)} ${String(y - r)}L${String(x + r)} ${String(y)}L${String(x)} ${String(y + r)}L${String(x - r)} ${String(y)}Z`;
  }
}

function point(p: Point, x: number, y: number, place: number, axes: { x: Axis; y: Axis }, chosen: (point: Point) => void): SVGElement {
  const label = [p.series, p.label, words(p.x, axes.x), words(p.y, axes.y)].filter(Boolean).join(", ");
  const reach = p.front && p.key ? { tabindex: 0, role: "button", "aria-label": label } : {};
  return s(
    "path",
    {
      d: shape(place, x, y, p.front ? 6 : 3.5), fill: colour(place), class: `dot${p.front ? " on-front" : ""}${p.key ? "" : " fixed"}`, "data-key": p.key || null, ...reach,
      onclick: () => { if (p.key) chosen(p); },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        chosen(p);
      },
    },
    s("title", {}, label),
  );
}

function legend(points: readonly Point[]): HTMLElement {
  const names = seriesOf(points);
  const swatch = (i: number): SVGElement => s("svg", { viewBox: "0 0 14 14", class: "swatch", "aria-hidden": "true" }, s("path", { d: shape(i, 7, 7, 6), fill: colour(i) }));
  const parts = names.length > 1 ? names.map((name, i) => h("span", { class: "key" }, swatch(i), ` ${name}`)) : [];
  return h("figcaption", { class: "note" }, parts, points.some((p) => p.front) ? "Large, joined: the Pareto front." : "");
}
