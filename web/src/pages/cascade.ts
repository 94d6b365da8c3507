// The Cascade page: a text, what is wrong with it, and what follows from it.

import { debounced, get, latest, type Place } from "../api";
import { button, field, fill, h, say, select } from "../dom";
import { editor, type Mark } from "../editor";
import { cascadeLanguage } from "../languages";
import { endOf } from "../format";
import { problem, problemBox } from "../problem";
import { fromFragment, keep, kept, open, save, share } from "../share";
import type { Catalogue, CascadeAnswer, Named } from "../types";
import { derivePanel } from "./derive";
import { headline, results } from "./passes";

const FIRST = "attn_3pass";
const PAUSE_MS = 250;

export async function cascadePage(main: HTMLElement): Promise<void> {
  const [catalogue, given] = await Promise.all([get<Catalogue>("/api/catalogue.json"), fromFragment<{ text: string }>(location.hash)]);
  const names = catalogue.cascades.map((entry) => entry.name);
  const found = h("section", { "aria-label": "What follows from the text", class: "results" });
  const wrong = h("div", { class: "errors", id: "errors", role: "status", "aria-live": "polite" });
  const first = h("div", { id: "headline" });
  const failed = problemBox();
  const shared = h("span", { class: "note", role: "status" });
  let name = "mine";
  let rank: string | undefined;

  const check = async (): Promise<void> => {
    keep("cascade", { text: text.text(), name });
    try {
      const answer = await latest<CascadeAnswer>("cascade", "/api/cascade.json", { text: text.text(), ...(rank ? { rank } : {}) });
      if (answer) show(answer);
    } catch (trouble) {
      problem(failed, trouble);
    }
  };
  const soon = debounced(PAUSE_MS, () => void check());
  const text = editor("Cascade", cascadeLanguage, soon);
  const derive = derivePanel(() => text.text(), (changed) => { load(changed, name); });

  const load = (content: string, called: string): void => {
    name = called;
    from.value = names.includes(called) ? called : "";
    rank = undefined;
    text.setText(content);
    derive.clear();
    void check();
  };
  const fromCatalogue = async (chosen: string): Promise<void> => {
    try {
      load((await get<Named>(`/api/cascade/${encodeURIComponent(chosen)}.json`)).text, chosen);
    } catch (trouble) {
      problem(failed, trouble);
    }
  };

  const show = (answer: CascadeAnswer): void => {
    problem(failed, null);
    const places = answer.ok ? (answer.claims ?? []) : (answer.errors ?? []);
    text.setErrors(places);
    fill(wrong, errorList(answer, places, (line, column) => { text.goTo(line, column); }));
    fill(first, answer.ok ? headline(answer) : null);
    found.classList.toggle("stale", !answer.ok);
    if (!answer.ok) {
      text.setMarks([]);
      return;
    }
    text.setMarks(passEnds(answer));
    derive.ranks(answer.passes?.ranks ?? {});
    const asked = (chosen: string): void => {
      rank = chosen;
      void check();
    };
    fill(found, results(answer, asked, (title) => { text.goTo(lineOf(text.text(), title)); }));
    say(summary(answer));
  };

  const from = select(["", ...names], "", (chosen) => { if (chosen) void fromCatalogue(chosen); }, { id: "catalogue" });
  from.options[0]?.replaceChildren("(own text)");
  const bar = h(
    "div", { class: "bar" },
    field("Start from", from),
    button("Open…", () => { open(".cascade,.txt,text/plain", (content, file) => { load(content, file.replace(/\.\w+$/, "")); }, (why) => { problem(failed, why); }); }),
    button("Save", () => { save(`${name}.cascade`, text.text()); }),
    button("Share", () => void share({ text: text.text() }).then(() => { shared.textContent = "Link copied: it is in the address."; })),
    shared,
  );
  fill(
    main,
    h("h1", {}, "Cascade"),
    h("p", { class: "lead" }, "Attention, or any computation, written as a sequence of Einsums. Type: errors and passes follow as you do."),
    bar,
    h("div", { class: "columns" }, h("div", { class: "column" }, h("div", { class: "editor" }, text.element), wrong, failed, first, derive.element), found),
  );
  const asked = new URLSearchParams(location.search).get("name");
  const before = kept<{ text: string; name: string }>("cascade");
  if (given) load(given.text, "shared");
  else if (asked !== null && names.includes(asked)) await fromCatalogue(asked);
  else if (before) load(before.text, before.name);
  else await fromCatalogue(FIRST);
}

function errorList(answer: CascadeAnswer, places: readonly Place[], goTo: (line: number, column: number) => void): HTMLElement | null {
  if (answer.ok && places.length === 0) return null;
  const jump = places.map((place) =>
    h("li", {}, button(`Line ${String(place.line)}, column ${String(place.column)}`, () => { goTo(place.line, place.column); }, { class: "quiet" }), " ", place.message));
  const heading = answer.ok ? "A claim does not hold" : "This is no cascade yet";
  return h("div", { class: "problem" }, h("p", {}, heading), h("ul", {}, jump), answer.error_text ? h("pre", {}, answer.error_text) : null);
}

/** One mark per line that ends passes, over the ranks that have more than one. */
function passEnds(answer: CascadeAnswer): Mark[] {
  const lines = new Map<number, string[]>();
  for (const [rank, counted] of Object.entries(answer.passes?.ranks ?? {})) {
    for (const barrier of counted.barriers ?? []) {
      const words = `ends ${endOf(barrier.pass)} over ${rank}: ${barrier.reason}`;
      lines.set(barrier.line, [...(lines.get(barrier.line) ?? []), words]);
    }
  }
  return [...lines].map(([line, words]) => ({ line, text: words.join("; ") }));
}

function summary(answer: CascadeAnswer): string {
  const ranks = Object.entries(answer.passes?.ranks ?? {}).map(([rank, counted]) => `${String(counted.passes)} over ${rank}`);
  return `${answer.name ?? "The cascade"}: passes ${ranks.join(", ")}`;
}

/** The line of the Einsum or input that a node of the picture stands for. */
function lineOf(text: string, title: string): number {
  const tensor = /^\w+/.exec(title)?.[0] ?? "";
  const lines = text.split("\n");
  const written = lines.findIndex((line) => new RegExp(`^\\s*${tensor}\\b(\\[[^\\]]*\\])?\\s*=`).test(line));
  return (written >= 0 ? written : lines.findIndex((line) => new RegExp(`^\\s*input\\b.*\\b${tensor}\\b`).test(line))) + 1;
}
