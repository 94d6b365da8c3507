// The Explore page: sweeps and searches, their progress, the front as it grows; a point opens as a design.

import { get, post } from "../api";
import { button, field, fill, h, say, select, type Child } from "../dom";
import { scatter } from "../chart";
import { count, length, si } from "../format";
import { problem, problemBox } from "../problem";
import type { Catalogue, Job, Point } from "../types";
import { pointPanel } from "./point";

const POLL_MS = 500;
/** What a search makes least: one figure, or two, of which it finds the front. */
const GOALS: Readonly<Record<string, string | readonly string[]>> = {
  latency: "latency", energy: "energy", edp: "edp", traffic: "traffic",
  "latency and energy": ["latency", "energy"], "latency and traffic": ["latency", "traffic"], "energy and traffic": ["energy", "traffic"],
};
const LENGTHS = [1024, 4096, 16384, 65536, 262144, 1048576] as const;
const SWEEP = `# Any field of accelerator, workload, mapping or schedule under 'vary'.
designs: [fusemax, flat]
workloads: [bert]
seq_lens: [4K, 64K]
vary:
  accelerator.components.array2d.rows: [64, 128, 256]
`;

export async function explorePage(main: HTMLElement): Promise<void> {
  const catalogue = await get<Catalogue>("/api/catalogue.json");
  const failed = problemBox();
  const list = h("ul", { class: "jobs", "aria-label": "Sweeps and searches" });
  const place = h("section", { id: "job", "aria-label": "The chosen sweep or search", hidden: true });
  let shown: string | null = null;
  let waiting = 0;

  const guarded = (work: Promise<unknown>): void => {
    work.then(() => { problem(failed, null); }, (trouble: unknown) => { problem(failed, trouble); });
  };
  const begin = async (kind: string, spec: unknown): Promise<void> => {
    const { id } = await post<{ id: string }>("/api/jobs.json", { kind, spec });
    await refresh();
    await choose(id);
  };
  const view = jobView((id, what) => { guarded(post(`/api/jobs/${encodeURIComponent(id)}/${what}.json`, {}).then(() => poll(id))); }, () => { if (shown !== null) guarded(poll(shown)); });
  fill(place, view.element);

  const refresh = async (): Promise<void> => {
    const { jobs } = await get<{ jobs: Job[] }>("/api/jobs.json");
    const focused = list.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
    fill(list, jobs.length ? jobs.map((job) => h("li", {}, entry(job, job.id === shown, () => { guarded(choose(job.id)); }))) : h("li", { class: "note" }, "None yet: start one here, or on the command line with a store."));
    if (focused) list.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  const choose = async (id: string): Promise<void> => {
    shown = id;
    place.hidden = false;
    view.forget();
    history.replaceState(null, "", `#${id}`);
    await poll(id);
  };
  const poll = async (id: string): Promise<void> => {
    clearTimeout(waiting);
    const job = await get<Job>(`/api/jobs/${encodeURIComponent(id)}.json${view.axes()}`);
    if (shown !== id) return;
    view.show(job);
    await refresh();
    if (job.state === "running" || job.state === "queued") waiting = setTimeout(() => { guarded(poll(id)); }, POLL_MS);
  };

  fill(
    main,
    h("h1", {}, "Explore"),
    h("p", { class: "lead" }, "Many designs at once: a sweep over sizes, or a search for the best mapping and schedule. The front grows while you look."),
    h("div", { class: "pair starts" }, sweepForm((spec) => { guarded(begin("sweep", spec)); }), searchForm(catalogue, (spec) => { guarded(begin("search", spec)); })),
    failed,
    h("h2", {}, "Started"),
    list,
    place,
  );
  await refresh();
  const asked = decodeURIComponent(location.hash.slice(1));
  if (asked) guarded(choose(asked));
}

function sweepForm(begin: (spec: unknown) => void): HTMLElement {
  const text = h("textarea", { id: "sweep-text", rows: 7, spellcheck: "false" }, SWEEP);
  return h(
    "section", { class: "card", "aria-labelledby": "sweep-title" },
    h("h2", { id: "sweep-title" }, "Sweep"),
    h("p", {}, "Sizes of the array against the time of attention, as in the paper's Figure 12."),
    button("Start Figure 12", () => { begin({ name: "fig12" }); }, { class: "primary", id: "start-fig12" }),
    h("details", {}, h("summary", {}, "A sweep of your own"), field("Specification (YAML)", text), button("Start this sweep", () => { begin({ text: text.value }); }, { id: "start-sweep" })),
  );
}

function searchForm(catalogue: Catalogue, begin: (spec: unknown) => void): HTMLElement {
  const names = (kind: keyof Catalogue): string[] => catalogue[kind].map((one) => one.name);
  const spec = { cascade: "attn_1pass_fusemax", accelerator: "fusemax-cloud", workload: "bert", seq_len: 4096, objective: "latency" };
  const keep = (key: keyof typeof spec) => (value: string): void => { Object.assign(spec, { [key]: key === "seq_len" ? LENGTHS[lengths.indexOf(value)] : value }); };
  const lengths = LENGTHS.map(length);
  return h(
    "section", { class: "card", "aria-labelledby": "search-title" },
    h("h2", { id: "search-title" }, "Search"),
    h("p", {}, "The best mapping and schedule of a cascade on an accelerator."),
    h("div", { class: "bar" },
      field("Cascade", select(names("cascades"), spec.cascade, keep("cascade"))),
      field("Accelerator", select(names("accelerators"), spec.accelerator, keep("accelerator"))),
      field("Workload", select(names("workloads"), spec.workload, keep("workload"))),
      field("Length", select(lengths, "4K", keep("seq_len"))),
      field("Least", select(Object.keys(GOALS), spec.objective, keep("objective"), { id: "objective" }))),
    button("Start search", () => { begin({ ...spec, objective: GOALS[spec.objective] }); }, { class: "primary", id: "start-search" }),
  );
}

const progress = (job: Job): string => (job.total ? `${String(job.done)} of ${String(job.total)}` : String(job.done));

function entry(job: Job, current: boolean, onclick: () => void): HTMLElement {
  return h("button", { type: "button", class: "job", "data-id": job.id, onclick, "aria-current": current ? "true" : "false" },
    h("strong", {}, job.title ?? `${job.kind} ${job.id}`), h("span", { class: `state ${job.state}` }, job.state), h("span", { class: "note" }, progress(job)));
}

/** `axes` is the query that asks for the figures chosen for the chart. */
interface JobView { element: HTMLElement; axes(): string; show(job: Job): void; forget(): void }

function jobView(act: (id: string, what: "cancel" | "resume") => void, turned: () => void): JobView {
  let now: Job | null = null;
  let state = "";
  const head = h("div");
  const bar = h("progress", { "aria-label": "Progress" });
  const note = h("p", { class: "note", id: "job-state" });
  const cancel = button("Cancel", () => { if (now) act(now.id, "cancel"); }, { id: "cancel" });
  const resume = button("Resume", () => { if (now) act(now.id, "resume"); }, { id: "resume" });
  const failed = problemBox();
  const best = h("div");
  const panel = pointPanel();
  const choose = (point: Point): void => {
    if (!point.key) return; // a point whose design was not kept
    chart.choose(point.key);
    if (now) void panel.open(now.id, point);
  };
  const chart = scatter(choose);
  const across = h("select", { id: "axis-x", onchange: turned });
  const up = h("select", { id: "axis-y", onchange: turned });
  const axes = h("div", { class: "bar", hidden: true }, field("Across", across), field("Up", up));
  const front = h("div");
  const later = h("p", { class: "note", hidden: true });
  const drawnOf = h("p", { class: "note" });
  let drawn = "";
  return {
    element: h("div", {}, head, h("div", { class: "bar" }, bar, cancel, resume), note, failed, best, axes, chart.element, drawnOf, later, panel.element, front),
    axes: () => (across.value && up.value ? `?x=${encodeURIComponent(across.value)}&y=${encodeURIComponent(up.value)}` : ""),
    forget() {
      state = "";
      fill(across);
      fill(up);
      axes.hidden = true;
      drawn = "";
      chart.choose(null);
      chart.element.replaceChildren();
      fill(front);
      fill(best);
      later.hidden = true;
      drawnOf.textContent = "";
      panel.close();
    },
    show(job) {
      now = job;
      fill(head, h("h2", {}, job.title ?? job.kind));
      measure(bar, job);
      note.textContent = words(job);
      cancel.hidden = job.state !== "running" && job.state !== "queued";
      resume.hidden = !["cancelled", "failed", "stopped"].includes(job.state);
      problem(failed, job.error ?? null);
      const points = job.points ?? (job.front ?? []).map((point) => ({ ...point, front: true }));
      if (job.figures?.length && !across.options.length) {
        for (const [box, axis] of [[across, job.axes?.x], [up, job.axes?.y]] as const) {
          fill(box, job.figures.map((name) => h("option", { value: name, selected: name === axis?.figure }, figureName(name))));
        }
        axes.hidden = job.figures.length < 2;
      }
      const now_drawn = `${job.id} ${across.value} ${up.value} ${String(points.length)} ${points.filter((p) => p.front).map((p) => p.key || `${String(p.x)} ${String(p.y)}`).join(" ")}`;
      if (points.length && job.axes && now_drawn !== drawn) {
        drawn = now_drawn;
        fill(best, bestOf(job, points, choose));
        chart.draw(points, job.axes);
        fill(front, frontTable(points.filter((p) => p.front), job.axes, choose));
      }
      later.hidden = !(job.kind === "search" && points.length && points.every((p) => !p.key));
      later.textContent = job.state === "running" ? "Its points open as designs when the search is done." : "The search was ended before designs were made of its points: Resume runs it again.";
      drawnOf.textContent = drawnWords(job, points);
      if (state && state !== job.state) say(`${job.title ?? job.kind}: ${job.state}`);
      state = job.state;
    },
  };
}

/** `array1d_s` as people read it. */
const figureName = (name: string): string => name.replace(/_(s|pj|bytes|um2)$/, "").replaceAll("_", " ");

function measure(bar: HTMLProgressElement, job: Job): void {
  if (job.total) {
    bar.max = job.total;
    bar.value = job.done;
  } else if (job.state === "done") {
    bar.max = 1;
    bar.value = 1;
  } else {
    bar.removeAttribute("value");
  }
}

function words(job: Job): string {
  const parts = [job.state, `${progress(job)} ${job.what || "points"}`];
  if (job.state === "running" && job.rate) parts.push(`${String(Number(job.rate.toPrecision(3)))} a second`);
  if (job.state === "running" && job.left_s !== null && job.left_s !== undefined) parts.push(`${si(job.left_s, "s")} left`);
  return parts.join(", ");
}

/** Where not all points are drawn: which, and what the front is of. */
function drawnWords(job: Job, points: readonly Point[]): string {
  const [all, unknown] = [job.num_points ?? 0, job.num_unknown ?? 0];
  const parts: string[] = [];
  if (points.length && points.length + unknown < all) parts.push(`Drawn: the front of all ${all.toLocaleString("en")} points and ${String(points.filter((p) => !p.front).length)} of the others.`);
  if (unknown) parts.push(`${unknown.toLocaleString("en")} without a known ${job.axes?.x.name ?? "figure"} are left out.`);
  if (job.is_whole === false) parts.push("There are more workloads and lengths than are kept apart: the front is of the first.");
  return parts.join(" ");
}

/** What a search found, in its own words, and the way to its design. */
function bestOf(job: Job, points: readonly Point[], choose: (point: Point) => void): Child {
  const headline = job.best?.["headline"];
  if (typeof headline !== "string") return null;
  const [first, ...rest] = headline.split("\n");
  const point = points.find((one) => one.key && one.label === "best");
  return [
    h("p", { class: "headline" }, h("strong", {}, first)),
    rest.map((line) => h("p", { class: "note" }, line)),
    point ? h("div", { class: "bar" }, button("Show the best", () => { choose(point); })) : null,
  ];
}

const pointName = (p: Point): string => [p.series, p.label].filter(Boolean).join(", ") || p.key;

function frontTable(points: readonly Point[], axes: NonNullable<Job["axes"]>, choose: (point: Point) => void): Child {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const rows = sorted.map((p) => h("li", {}, p.key ? h("button", { type: "button", class: "link", onclick: () => { choose(p); } }, pointName(p)) : pointName(p)));
  return h("details", {}, h("summary", {}, `The front as a list: ${count(points.length, "point", "points")}, by ${axes.x.name}`), h("ul", {}, rows));
}
