// Numbers as people write them.

const PREFIXES = [
  [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"],
] as const;
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const K = 1024;

const digits = (value: number): string => String(Number(value.toPrecision(4)));

/** A quantity with an SI prefix: `29.7 ms`; what is no number is `unknown`. */
export function si(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "unknown";
  if (value === 0) return `0 ${unit}`.trim();
  const [size, prefix] = PREFIXES.find(([least]) => Math.abs(value) >= least) ?? [1e-12, "p"];
  return `${digits(value / size)} ${prefix}${unit}`.trim();
}

/** Bytes in powers of 1024: `16 MiB`. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "unknown";
  const power = value < K ? 0 : Math.min(BINARY.length - 1, Math.floor(Math.log2(value) / 10));
  return `${digits(value / K ** power)} ${BINARY[power] ?? "B"}`;
}

/** A sequence length: `4096` is `4K`. */
export function length(value: number): string {
  if (value >= K * K && value % (K * K) === 0) return `${String(value / (K * K))}M`;
  return value >= K && value % K === 0 ? `${String(value / K)}K` : String(value);
}

export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? "unknown" : `${String(Number((value * 100).toPrecision(value < 0.001 ? 1 : 3)))}%`;

/** An area given in square micrometres, in square millimetres. */
export const area = (value: number | null | undefined): string =>
  value === null || value === undefined ? "unknown" : `${digits(value / 1e6)} mm²`;

export const error = (value: number | null | undefined): string =>
  value === null || value === undefined ? "" : value === 0 ? "0" : value.toExponential(1);

/** `3 passes`, `1 pass`. */
export const count = (number: number | string, one: string, many: string): string => `${String(number)} ${number === 1 ? one : many}`;

/** A formula of the library as people read it: `E*M*P` is `E·M·P`. */
export const formula = (text: string): string => text.replaceAll("**2", "²").replaceAll("**3", "³").replaceAll("*", "·");

/** The pass a barrier ends, in words. */
export const endOf = (pass: number | null): string => (pass === null ? "a pass each time" : `pass ${String(pass)}`);
