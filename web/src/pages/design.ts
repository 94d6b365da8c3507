// The Design page: a design, a workload and sliders; what it costs, and what FLAT and an unfused machine cost beside it.

import { afterPaint, debounced, get, latest, together, paused, ServerError, type Place } from "../api";
import { button, field, fill, h, say, select, type Child } from "../dom";
import { editor } from "../editor";
import { si } from "../format";
import { yamlLanguage } from "../languages";
import { problem, problemBox } from "../problem";
import { fromFragment, keep, kept, open, save, share } from "../share";
import { sliders, type Settings } from "../sliders";
import type { Beside, BesideAnswer, Catalogue, Composition, DesignAnswer, Named, Parts } from "../types";
import { comparison, costs, figures } from "./costs";
import { partsForm, type PartsForm } from "./parts";

interface State { design: string; workload: string; accounting: string; seq_len: number; set: Settings }
/** How long the sliders rest before other designs are computed beside this one. */
const REST_MS = 150;
const LENGTH = 4096;
const OWN = "(edited)";

export async function designPage(main: HTMLElement): Promise<void> {
  const [catalogue, shown] = await Promise.all([get<Catalogue>("/api/catalogue.json"), fromFragment<State>(location.hash)]);
  const given = shown ?? kept<State>("design");
  const names = (kind: keyof Catalogue): string[] => catalogue[kind].map((entry) => entry.name);
  const state: State = { design: "fusemax", workload: "bert", accounting: "corrected", seq_len: LENGTH, set: {}, ...given };
  const found = h("section", { class: "results", "aria-label": "What it costs" });
  const failed = problemBox();
  const shared = h("span", { class: "note", role: "status" });

  const beside = h("div", { id: "beside" });
  let seen: { answer: DesignAnswer; rows: readonly Beside[] } | null = null;
  const ask = async (): Promise<void> => {
    keep("design", shareable());
    const { seq_len, ...set } = turn.set();
    const body = { design: state.design, workload: state.workload, accounting: state.accounting, seq_len: seq_len ?? LENGTH, set };
    try {
      const answer = await latest<DesignAnswer>("design", "/api/design.json", body);
      if (!answer) return;
      show(answer);
      compare(body);
    } catch (trouble) {
      refuse(trouble);
    }
  };
  /** The others are asked for once the sliders rest: one of them searches its mapping, which takes longer than the answer. */
  const compare = paused(REST_MS, (body: object) => {
    latest<BesideAnswer>("beside", "/api/beside.json", body).then((others) => {
      if (!others || !seen) return;
      seen.rows = others.rows;
      fill(beside, comparison(seen.answer, seen.rows));
      beside.classList.remove("stale");
    }, () => null); // the design's own answer says what is wrong
  });
  const refuse = (trouble: unknown): void => {
    found.classList.add("stale");
    problem(failed, trouble);
    underline(trouble);
  };
  const soon = together(() => void ask());
  const turn = sliders({ ...state.set, ...(given?.seq_len ? { seq_len: given.seq_len } : {}) }, soon);
  /** Mistakes with a place are underlined in the text they are in; others are in a part that ships. */
  const underline = (trouble: unknown): void => {
    const places = trouble instanceof ServerError ? trouble.places : [];
    designs.wrong(places.filter((place) => place.file === "<design>"));
    workloads.wrong(places.filter((place) => place.file === "<workload>"));
  };
  const tiles = h("div");
  const rest = h("div", { class: "rest" });
  /** The numbers at once; pictures and tables when they have been painted. */
  const show = (answer: DesignAnswer): void => {
    problem(failed, null);
    underline(null);
    found.classList.remove("stale");
    fill(tiles, figures(answer));
    const rows = seen?.rows ?? [];
    seen = { answer, rows };
    turn.follow([{ name: "seq_len", label: "length", value: answer.seq_len, unit: "position" }, ...(answer.knobs ?? [])]);
    afterPaint(() => {
      if (seen?.answer !== answer) return;
      if (rows.length) fill(beside, comparison(answer, seen.rows));
      beside.classList.toggle("stale", rows.length > 0 && seen.rows === rows);
      fill(rest, costs(answer, beside));
      say(`${si(answer.latency_s, "s")}, bound by ${answer.bound}`);
    });
  };

  const designs = source("Design", "design", names("designs"), state.design, (text, chosen) => {
    state.design = text;
    if (chosen) turn.forget();
    soon();
    void parts?.follow(text);
  }, failed);
  /** Parts that fit are a design, shown and evaluated; those that do not are shown, with what is wrong underlined. */
  const compose = (made: Composition): void => {
    state.design = made.name ?? made.text;
    designs.put(made.name, made.text);
    turn.forget();
    if (made.problem) {
      designs.details.open = true;
      refuse(new ServerError(422, "SourceError", made.problem.text, made.problem.places));
    } else soon();
  };
  let parts: PartsForm | null = null;
  const partsPlace = h("div");
  const workloads = source("Workload", "workload", names("workloads"), state.workload, (text) => { state.workload = text; soon(); }, failed);
  const shareable = (): State => {
    const { seq_len, ...set } = turn.set();
    return { ...state, seq_len: seq_len ?? LENGTH, set };
  };
  const accounting = select(["corrected", "published"], state.accounting, (name) => { state.accounting = name; soon(); }, { id: "accounting" });
  fill(
    main,
    h("h1", {}, "Design"),
    h("p", { class: "lead" }, "A cascade on an accelerator, with a mapping and a schedule: what it costs, and what bounds it."),
    h("div", { class: "bar" }, designs.chooser, workloads.chooser, field("Accounting", accounting),
      button("Share", () => void share(shareable()).then(() => { shared.textContent = "Link copied: it is in the address."; })), shared),
    failed,
    h("div", { class: "columns wide-right" }, h("div", { class: "column" }, turn.element, partsPlace, designs.details, workloads.details), found),
  );
  fill(found, tiles, rest);
  await ask();
  // What there is to choose from takes a moment the first time, and the answer does not wait for it.
  get<Parts>("/api/parts.json").then((known) => {
    parts = partsForm(known, compose, failed);
    fill(partsPlace, parts.element);
    return parts.follow(state.design);
  }).catch((trouble: unknown) => { problem(failed, trouble); });
}

interface Source { chooser: HTMLElement; details: HTMLDetailsElement; wrong(places: readonly Place[]): void; put(name: string | null, content: string): void }

/** A box to choose a shipped file from, and its text to edit, load and save; `changed` hears whether it was chosen or edited. */
function source(title: string, kind: string, names: readonly string[], start: string, changed: (text: string, chosen: boolean) => void, failed: HTMLElement): Source {
  const known = names.includes(start);
  const text = editor(`${title}, YAML`, yamlLanguage, debounced(300, () => { own(text.text()); }));
  const box = select([...names, OWN], known ? start : OWN, (name) => {
    if (name === OWN) own(text.text());
    else void choose(name, true);
  }, { id: kind });
  const own = (content: string): void => {
    box.value = OWN;
    changed(content, false);
  };
  const choose = async (name: string, tell: boolean): Promise<void> => {
    if (tell) changed(name, true);
    try {
      const named = await get<Named & { whole?: string }>(`/api/${kind}/${encodeURIComponent(name)}.json`);
      text.setText(named.whole ?? named.text);
    } catch (trouble) {
      problem(failed, trouble);
    }
  };
  const load = (content: string): void => {
    text.setText(content);
    own(content);
  };
  if (known) void choose(start, false);
  else text.setText(start);
  const tools: Child = h("div", { class: "bar" },
    button("Open…", () => { open(".yaml,.yml,.json,text/plain", load, (why) => { problem(failed, why); }); }, { class: "quiet" }),
    button("Save", () => { save(`${box.value === OWN ? kind : box.value}.yaml`, text.text()); }, { class: "quiet" }));
  const details = h("details", { id: `edit-${kind}` }, h("summary", {}, kind === "design" ? "Edit the design: cascade, accelerator, mapping, schedule" : `Edit the ${kind}`), tools, h("div", { class: "editor small" }, text.element));
  return {
    chooser: field(title, box),
    details,
    wrong: (places) => { text.setErrors(places); },
    put(name, content) {
      box.value = name ?? OWN;
      text.setText(content);
    },
  };
}
