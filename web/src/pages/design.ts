// The Design page: a design, a workload and sliders; what it costs, and what FLAT and an unfused machine cost beside it.

import { debounced, get, latest, ServerError, type Place } from "../api";
import { button, field, fill, h, say, select, type Child } from "../dom";
import { editor } from "../editor";
import { si } from "../format";
import { yamlLanguage } from "../languages";
import { problem, problemBox } from "../problem";
import { fromFragment, keep, kept, open, save, share } from "../share";
import { sliders, type Settings } from "../sliders";
import type { BesideAnswer, Catalogue, DesignAnswer, Named } from "../types";
import { comparison, costs } from "./costs";

interface State { design: string; workload: string; accounting: string; seq_len: number; set: Settings }
const PAUSE_MS = 10;
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
  const ask = async (): Promise<void> => {
    keep("design", shareable());
    const { seq_len, ...set } = turn.set();
    const body = { design: state.design, workload: state.workload, accounting: state.accounting, seq_len: seq_len ?? LENGTH, set };
    try {
      const others = latest<BesideAnswer>("beside", "/api/beside.json", body);
      others.catch(() => null); // the design's own answer says what is wrong
      const answer = await latest<DesignAnswer>("design", "/api/design.json", body);
      if (!answer) return;
      show(answer);
      const rows = await others;
      if (rows) fill(beside, comparison(answer, rows.rows));
    } catch (trouble) {
      found.classList.add("stale");
      problem(failed, trouble);
      underline(trouble);
    }
  };
  const soon = debounced(PAUSE_MS, () => void ask());
  const turn = sliders({ ...state.set, ...(given?.seq_len ? { seq_len: given.seq_len } : {}) }, soon);
  /** Mistakes with a place are underlined in the text they are in. */
  const underline = (trouble: unknown): void => {
    const [text, places] = trouble instanceof ServerError ? [trouble.message, trouble.places] : ["", []];
    designs.wrong(text.startsWith("<workload>") ? [] : places);
    workloads.wrong(text.startsWith("<workload>") ? places : []);
  };
  const show = (answer: DesignAnswer): void => {
    problem(failed, null);
    underline(null);
    found.classList.remove("stale");
    turn.follow([{ name: "seq_len", label: "length", value: answer.seq_len, unit: "position" }, ...(answer.knobs ?? [])]);
    fill(found, costs(answer, beside));
    say(`${si(answer.latency_s, "s")}, bound by ${answer.bound}`);
  };

  const designs = source("Design", "design", names("designs"), state.design, (text, chosen) => {
    state.design = text;
    if (chosen) turn.forget();
    soon();
  }, failed);
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
    h("div", { class: "columns wide-right" }, h("div", { class: "column" }, turn.element, designs.details, workloads.details), found),
  );
  await ask();
}

interface Source { chooser: HTMLElement; details: HTMLElement; wrong(places: readonly Place[]): void }

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
  return { chooser: field(title, box), details, wrong: (places) => { text.setErrors(places); } };
}
