// The parts of a design, each to choose from what ships: cascade, accelerator, mapping, schedule; sizes of tiles to set.

import { latest } from "../api";
import { field, fill, h, type Child } from "../dom";
import { problem } from "../problem";
import { PARTS, type Choice, type Composition, type Kind, type Parts } from "../types";

const OWN = "";
const TITLES: Readonly<Record<Kind, string>> = { cascade: "Cascade", accelerator: "Accelerator", mapping: "Mapping", schedule: "Schedule" };

export interface PartsForm {
  readonly element: HTMLElement;
  /** Shows which parts a design has; the choice of another is heard as a composition. */
  follow(design: string): Promise<void>;
}

export function partsForm(known: Parts, composed: (found: Composition) => void, failed: HTMLElement): PartsForm {
  let design = "";
  const boxes = new Map(PARTS.map((kind) => [kind, h("select", { id: `part-${kind}`, onchange: () => { change({ choose: { [kind]: boxes.get(kind)?.value ?? "" } }); } })]));
  const tiles = h("div", { class: "tile-sizes" });
  const ask = (more: object): Promise<Composition | null> => latest<Composition>("compose", "/api/compose.json", { design, ...more });
  /** What was chosen and is not in the text yet: choices made in quick succession all count. */
  let wanted: { choose: Record<string, string>; fields: Record<string, string | number> } = { choose: {}, fields: {} };
  const change = (more: Partial<typeof wanted>): void => {
    wanted = { choose: { ...wanted.choose, ...more.choose }, fields: { ...wanted.fields, ...more.fields } };
    const asked = wanted;
    ask(asked).then((found) => {
      if (!found || wanted !== asked) return;
      wanted = { choose: {}, fields: {} };
      design = found.name ?? found.text;
      show(found);
      composed(found);
    }, (trouble: unknown) => {
      wanted = { choose: {}, fields: {} };
      problem(failed, trouble);
    });
  };
  const show = (found: Composition): void => {
    for (const [kind, box] of boxes) fill(box, options(kind, known, found.parts));
    fill(tiles, found.open.map((one) => field([one.path.startsWith("mapping.") ? h("code", {}, one.label) : one.label, one.why ? `, ${one.why}` : ""], size(one, (value) => { change({ fields: { [one.path]: value } }); }))));
  };
  return {
    element: h("fieldset", { class: "parts" }, h("legend", {}, "Put together from"),
      PARTS.map((kind) => field(TITLES[kind], boxes.get(kind) as HTMLElement)),
      h("details", { id: "tile-sizes" }, h("summary", {}, "Sizes of tiles, heads in turn"), tiles)),
    async follow(text) {
      design = text;
      const found = await ask({}).catch(() => null); // a text that cannot be read has said so already
      if (found && text === design) show(found);
    },
  };
}

/** The parts that fit the cascade first; a text with one of its own has that as well. */
function options(kind: Kind, known: Parts, parts: Composition["parts"]): Child[] {
  const chosen = parts[kind];
  const of = parts.cascade;
  const option = (one: Choice): Child => h("option", { value: one.name, selected: one.name === chosen, title: one.title }, kind === "schedule" ? `${one.name}: ${one.title}` : one.name);
  const own = chosen === null ? h("option", { value: OWN, selected: true, disabled: true }, "its own") : null;
  if (kind === "accelerator") return [own, known[kind].map(option)];
  const mapped = new Set(known.mapping.flatMap((one) => one.fits));
  const fits = (one: Choice): boolean => (kind === "cascade" ? mapped.has(one.name) : of !== null && one.fits.includes(of));
  const [good, others] = [known[kind].filter(fits), known[kind].filter((one) => !fits(one))];
  const labels = kind === "cascade" ? ["with a mapping that ships", "map them yourself"] : [`for ${of ?? "this cascade"}`, "for other cascades"];
  return [own, good.length ? h("optgroup", { label: labels[0] }, good.map(option)) : null, others.length ? h("optgroup", { label: labels[1] }, others.map(option)) : null];
}

function size(one: Composition["open"][number], changed: (value: string | number) => void): HTMLInputElement {
  const isNumber = typeof one.value === "number" && one.path.startsWith("schedule.");
  const input = h("input", { type: isNumber ? "number" : "text", value: one.value, size: 14, spellcheck: "false", ...(isNumber ? { min: 1, max: 64 } : {}) });
  input.addEventListener("change", () => { changed(isNumber ? Math.max(1, Math.round(Number(input.value) || 1)) : input.value.trim()); });
  return input;
}
