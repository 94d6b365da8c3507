// Taxonomy: which algorithm makes how many passes; a cell leads to the lines that force them.

import { get } from "../api";
import { field, fill, h, say, scroll, type Child } from "../dom";
import { count, endOf, formula } from "../format";
import { problem, problemBox } from "../problem";
import type { TaxonomyAnswer, TaxonomyRow } from "../types";

const HEADS = ["cascade", "passes", "sweeps", "divisions", "exponentials", "live footprint", "stable", "exact", "systems", "sources"] as const;
const ALL = "all families";
const FIRST = "attention"; // the family of the paper's Table I

export function taxonomyPage(main: HTMLElement): Promise<void> {
  const place = h("div", { "aria-live": "polite" });
  const failed = problemBox();
  const family = h("select", { id: "family" }, h("option", {}, FIRST));
  const choose = async (): Promise<void> => {
    const chosen = family.value;
    fill(place, h("p", { class: "note" }, "Counting passes. The first time this takes a few seconds…"));
    problem(failed, null);
    try {
      const answer = await get<TaxonomyAnswer>(`/api/taxonomy.json${chosen === ALL ? "" : `?family=${encodeURIComponent(chosen)}`}`);
      if (family.value !== chosen) return;
      if (family.options.length === 1) fill(family, [...(answer.families ?? [FIRST]), ALL].map((name) => h("option", { selected: name === chosen }, name)));
      fill(place, tabulated(answer.rows));
      say(count(answer.rows.length, "cascade", "cascades"));
    } catch (trouble) {
      fill(place);
      problem(failed, trouble);
    }
  };
  family.addEventListener("change", () => void choose());
  fill(
    main,
    h("h1", {}, "Taxonomy"),
    h("p", { class: "lead" }, "Published algorithms by the passes no mapping can avoid, counted from their texts. A count leads to its evidence."),
    h("div", { class: "bar" }, field("Family", family)),
    failed,
    place,
  );
  void choose();
  return Promise.resolve();
}

function tabulated(rows: readonly TaxonomyRow[]): HTMLElement {
  const head = h("tr", {}, HEADS.map((name, i) => h("th", { scope: "col", class: i === 1 || i === 2 ? "number" : null }, name)));
  const body = h("tbody", {}, rows.map((row) => line(row)));
  return scroll("Taxonomy", h("table", { class: "taxonomy stacks" }, h("caption", { class: "spoken" }, "Taxonomy"), h("thead", {}, head), body));
}

function line(row: TaxonomyRow): Child[] {
  const yes = (value: boolean | null | undefined): string => (value === true ? "yes" : value === false ? "no" : "unknown");
  const words = (text: string | undefined): Child => (text ? h("code", {}, formula(text)) : "");
  const evidence = h("tr", { class: "evidence", hidden: true }, h("td", { colspan: HEADS.length }, proof(row)));
  const passes = String(row.passes ?? "unknown");
  const link = h("button", { type: "button", class: "link", "aria-expanded": "false", "aria-label": `${row.cascade}: ${passes} passes, evidence` }, formula(passes));
  link.addEventListener("click", () => {
    evidence.hidden = !evidence.hidden;
    link.setAttribute("aria-expanded", String(!evidence.hidden));
  });
  const cell = (i: number, content: Child, kind: string | null = null): Child => h("td", { class: kind, "data-label": HEADS[i] }, content);
  const cells = h(
    "tr", {},
    h("th", { scope: "row" }, h("a", { href: `/cascade?name=${encodeURIComponent(row.cascade)}`, title: row.title }, row.cascade)),
    cell(1, link, "number"),
    cell(2, formula(String(row.sweeps ?? "")), "number"),
    cell(3, words(row.divisions)),
    cell(4, words(row.exponentials)),
    cell(5, words(row.live_footprint)),
    cell(6, yes(row.stable)),
    cell(7, yes(row.exact)),
    cell(8, (row.systems ?? []).join(", "), "systems"),
    cell(9, (row.sources ?? []).join("; "), "sources"),
  );
  return [cells, evidence];
}

function proof(row: TaxonomyRow): Child[] {
  const lines = new Map((row.passes_why ?? []).map((one) => [one.line, `ends ${endOf(one.pass)}: ${one.reason}`]));
  const text = (row.text ?? "").trimEnd().split("\n").map((words, i) => {
    const reason = lines.get(i + 1);
    return reason === undefined ? `${words}\n` : [h("mark", {}, words), h("span", { class: "note" }, `  ← ${reason}`), "\n"];
  });
  const passes = count(row.passes ?? "unknown", "pass", "passes");
  return [
    h("p", {}, row.headline ?? `${row.cascade}: ${passes}${row.rank ? ` over ${row.rank}` : ""}`),
    row.text ? scroll(`Text of ${row.cascade}`, h("pre", {}, text)) : null,
    h("p", {}, h("a", { href: `/cascade?name=${encodeURIComponent(row.cascade)}` }, "Open in the editor")),
  ];
}
