// Taxonomy: which algorithm makes how many passes; a cell leads to the lines that force them.

import { get } from "../api";
import { fill, h, say, scroll, select, type Child } from "../dom";
import { count, formula } from "../format";
import type { TaxonomyAnswer, TaxonomyRow } from "../types";

const HEADS = ["cascade", "passes", "sweeps", "divisions", "exponentials", "live footprint", "stable", "exact", "systems", "sources"] as const;
const ALL = "all families";

export async function taxonomyPage(main: HTMLElement): Promise<void> {
  const answer = await get<TaxonomyAnswer>("/api/taxonomy.json");
  const rows = answer.cascades;
  const body = h("tbody");
  const choose = (family: string): void => {
    const chosen = rows.filter((row) => family === ALL || row.family === family);
    fill(body, chosen.map((row) => line(row)));
    say(count(chosen.length, "cascade", "cascades"));
  };
  const families = answer.families ?? [...new Set(rows.map((row) => row.family))];
  const first = families[0] ?? ALL;
  const head = h("tr", {}, HEADS.map((name, i) => h("th", { scope: "col", class: i === 1 || i === 2 ? "number" : null }, name)));
  fill(
    main,
    h("h1", {}, "Taxonomy"),
    h("p", { class: "lead" }, "Published algorithms by the passes no mapping can avoid, counted from their texts. A count leads to its evidence."),
    h("div", { class: "bar" }, h("label", { class: "field" }, h("span", {}, "Family"), select([ALL, ...families], first, choose, { id: "family" }))),
    scroll("Taxonomy", h("table", { class: "taxonomy" }, h("caption", { class: "spoken" }, "Taxonomy"), h("thead", {}, head), body)),
  );
  choose(first);
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
  const cells = h(
    "tr", {},
    h("th", { scope: "row" }, h("a", { href: `/cascade?name=${encodeURIComponent(row.cascade)}`, title: row.title }, row.cascade)),
    h("td", { class: "number" }, link),
    h("td", { class: "number" }, formula(String(row.sweeps ?? ""))),
    h("td", {}, words(row.divisions)),
    h("td", {}, words(row.exponentials)),
    h("td", {}, words(row.live_footprint)),
    h("td", {}, yes(row.stable)),
    h("td", {}, yes(row.exact)),
    h("td", {}, (row.systems ?? []).join(", ")),
    h("td", { class: "sources" }, (row.sources ?? []).join("; ")),
  );
  return [cells, evidence];
}

function proof(row: TaxonomyRow): Child[] {
  const lines = new Map((row.evidence ?? []).map((one) => [one.line, `ends pass ${String(one.pass)}: ${one.reason}`]));
  const text = (row.text ?? "").trimEnd().split("\n").map((words, i) => {
    const reason = lines.get(i + 1);
    return reason === undefined ? `${words}\n` : [h("mark", {}, words), h("span", { class: "note" }, `  ← ${reason}`), "\n"];
  });
  const passes = count(row.passes ?? "unknown", "pass", "passes");
  return [
    h("p", {}, row.passes_why ?? `${row.cascade}: ${passes}${row.rank ? ` over ${row.rank}` : ""}`),
    row.text ? scroll(`Text of ${row.cascade}`, h("pre", {}, text)) : null,
    h("p", {}, h("a", { href: `/cascade?name=${encodeURIComponent(row.cascade)}` }, "Open in the editor")),
  ];
}
