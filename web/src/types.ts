// The documents the server sends, as far as the pages read them (docs/reference/cli.md describes them in full).

import type { Place } from "./api";

export interface Entry { name: string; title?: string; source?: string }
export interface Catalogue { cascades: Entry[]; designs: Entry[]; accelerators: Entry[]; workloads: Entry[] }
export interface Named { name: string; text: string }

/** A count, or `unknown`, or a formula of one. */
export type Count = number | string;
/** What ends a pass; `pass` is null where it ends one in every round of a loop. */
export interface Barrier { pass: number | null; einsums: string[]; line: number; reason: string }
/** A factor of a partition has passes and tensors only. */
export interface RankPasses {
  passes: Count; sweeps?: Count; conflict?: boolean; tensors: Record<string, Count>; derived: Record<string, Count>; barriers?: Barrier[];
}
export interface PassesDocument { cascade: string; ranks: Record<string, RankPasses> }
export interface WorkRow { einsum: string; kind: string; formula: string; exact: boolean; operations: number | null }
export interface WorkDocument { sizes: Record<string, number>; einsums: WorkRow[]; total: Record<string, WorkRow> }

export interface CascadeAnswer {
  ok: boolean; name?: string; title?: string; text?: string; unicode?: string; svg?: string; rank?: string | null;
  passes?: PassesDocument; work?: WorkDocument; footprint?: Record<string, unknown>[];
  errors?: Place[]; error_text?: string; claims?: Place[];
}

export interface Link {
  law: string | null; text: string; unicode?: string; passes: Count; einsums?: string[] | string; max_error?: number | null; detail?: string;
  title?: string; precondition?: string;
}
export interface DeriveAnswer {
  cascade: string; rank: string; passes_before: Count; passes_after: Count; notes?: string[]; stable?: boolean; samples?: number; text?: string; chain: Link[];
  certificate: { kind: string; barrier?: string; reason: string } | null;
}

export interface Beside {
  design: string; error?: string | null; latency_s?: number | null; energy_pj?: number | null; area_um2?: number | null;
  utilization_2d?: number | null; utilization_1d?: number | null; bound?: string;
}
export interface BesideAnswer { rows: Beside[] }
/** What a slider can turn: `name` is the key the server takes it by. */
export interface Knob { name: string; label: string; value: number; unit: string }
export interface DesignAnswer {
  design: string; workload: string; seq_len: number; accounting: string; latency_s: number | null; traffic_bytes: number | null;
  energy_pj: number | null; area_um2: number | null; bound: string; utilization_2d: number | null; utilization_1d: number | null;
  useful_utilization_2d?: number | null; roofline_fraction?: number | null; feasible?: boolean; explanation?: string; unknown?: string[];
  gantt?: { text?: string; svg?: string } | null; loops?: string; knobs?: Knob[]; notes?: string[]; headline?: string; title?: string;
  rows?: { einsum: string; component: string; quantity: string; value: number | null; unit: string }[];
}

/** A part that ships, and the cascades it fits (an accelerator: none is named). */
export interface Choice { name: string; title: string; fits: string[] }
export const PARTS = ["cascade", "accelerator", "mapping", "schedule"] as const;
export type Kind = (typeof PARTS)[number];
export type Parts = Record<Kind, Choice[]>;
export interface Composition {
  name: string | null; text: string; parts: Record<Kind, string | null>; open: { path: string; label: string; value: string | number; why: string }[];
  problem: { message: string; text: string; places: Place[] } | null;
}

export interface Point { key: string; x: number; y: number; label?: string; series?: string; front?: boolean }
export interface Axis { name: string; unit: string; figure?: string }
export interface Job {
  id: string; kind: string; title?: string; state: "queued" | "running" | "done" | "cancelled" | "failed" | "stopped" | "stored"; done: number; total: number | null;
  what?: string; rate?: number | null; left_s?: number | null; error?: string | null; axes?: { x: Axis; y: Axis }; points?: Point[]; front?: Point[]; figures?: string[];
  num_points?: number; num_unknown?: number; is_whole?: boolean; best?: Record<string, unknown> | null;
}

export interface TaxonomyRow {
  cascade: string; title?: string; family: string; rank?: string; passes: Count | null; sweeps?: Count | null; divisions?: string; exponentials?: string;
  live_footprint?: string; stable?: boolean | null; exact?: boolean | null; barriers?: string[]; systems?: string[]; sources?: string[];
  headline?: string; passes_why?: Barrier[]; text?: string;
}
export interface TaxonomyAnswer { rows: TaxonomyRow[]; headline?: string; families?: string[] }

export interface Step {
  title: string; prose: string; look?: string; name: string; cascade: string; passes: Count; why?: string; rank?: string; svg?: string; source?: string;
}
