// Sliders over what a design can be set to: each walks a list of round values, and knows its way back.

import { button, fill, h } from "./dom";
import { bytes, length, si } from "./format";
import type { Knob } from "./types";

export type Settings = Record<string, number>;

const powers = (low: number, high: number): number[] => Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i));
const GIB = 2 ** 30;
const BANDWIDTHS = [25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200].map((n) => n * GIB);
const CLOCKS = Array.from({ length: 96 }, (_, i) => 1e8 + i * 2e7);

interface Range { values: readonly number[]; words(value: number): string }

/** Where a slider can go, by unit and by what it turns; anything else from an eighth to eight times its own value. */
function range(knob: Knob): Range {
  const plain = { words: (value: number) => value.toLocaleString("en") };
  switch (knob.unit) {
    case "B": return { values: powers(15, 28), words: bytes };
    case "B/s": return { values: BANDWIDTHS, words: (value) => `${bytes(value)}/s` };
    case "Hz": return { values: CLOCKS, words: (value) => si(value, "Hz") };
    case "position": return { values: powers(8, 20), words: length };
    default:
      if (knob.label === "batch") return { ...plain, values: powers(0, 9) };
      if (knob.label === "array edge") return { values: powers(4, 10), words: (value) => `${String(value)} × ${String(value)}` };
      return { ...plain, values: [...new Set(powers(-3, 3).map((factor) => Math.max(1, Math.round(factor * knob.value))))] };
  }
}

export interface Sliders {
  readonly element: HTMLElement;
  /** What was moved, and only that. */
  set(): Settings;
  /** Drops settings without a knob: they were another design's. */
  forget(): void;
  /** Draws the knobs a design has; those not moved stand where the design has them. Settings without a knob are named. */
  follow(knobs: readonly Knob[]): void;
}

export function sliders(start: Readonly<Settings>, changed: () => void): Sliders {
  const moved = new Map(Object.entries(start));
  const rows = new Map<string, Row>();
  const place = h("div");
  const also = h("p", { class: "note" });
  const reset = button("Reset all", () => {
    moved.clear();
    changed();
  }, { class: "quiet", id: "reset" });
  return {
    element: h("fieldset", { class: "sliders" }, h("legend", {}, "Turn"), place, also, reset),
    set: () => Object.fromEntries(moved),
    forget() {
      for (const name of moved.keys()) if (!rows.has(name)) moved.delete(name);
    },
    follow(knobs) {
      const names = knobs.map((knob) => knob.name);
      if (names.join(" ") !== [...rows.keys()].join(" ")) {
        rows.clear();
        for (const knob of knobs) rows.set(knob.name, row(knob, moved, changed));
        fill(place, [...rows.values()].map((one) => one.element));
      }
      const others = [...moved].filter(([name]) => !rows.has(name)).map(([name, value]) => `${name} = ${value.toLocaleString("en")}`);
      also.textContent = others.length ? `Set as well: ${others.join(", ")}.` : "";
      for (const knob of knobs) rows.get(knob.name)?.put(moved.get(knob.name) ?? knob.value);
    },
  };
}

interface Row { element: HTMLElement; put(value: number): void }

function row(knob: Knob, moved: Map<string, number>, changed: () => void): Row {
  const { values: round, words } = range(knob);
  const values = [...new Set([...round, knob.value])].sort((a, b) => a - b);
  const id = `slider-${knob.name.replaceAll(/\W/g, "-")}`;
  const input = h("input", { type: "range", id, min: 0, max: values.length - 1, step: 1 });
  const output = h("output", { for: id });
  const label = knob.label.replace(/^dram\b/, "DRAM");
  const name = label.charAt(0).toUpperCase() + label.slice(1);
  const back = button("↺", () => {
    moved.delete(knob.name);
    changed();
  }, { class: "quiet", "aria-label": `${name}: back to the design's own`, hidden: true });
  const put = (value: number): void => {
    const nearest = values.reduce((best, one, i) => (Math.abs(Math.log(one / value)) < Math.abs(Math.log((values[best] ?? 1) / value)) ? i : best), 0);
    input.value = String(nearest);
    output.textContent = words(value);
    input.setAttribute("aria-valuetext", words(value));
    back.hidden = !moved.has(knob.name);
  };
  input.addEventListener("input", () => {
    const value = values[Number(input.value)] ?? knob.value;
    moved.set(knob.name, value);
    put(value);
    changed();
  });
  return { element: h("div", { class: "slider" }, h("label", { for: id }, name), input, output, back), put };
}
