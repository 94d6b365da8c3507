// What changed between two texts, line by line: the longest common run of lines stays.

export interface Change { sign: " " | "-" | "+"; text: string }

export function difference(before: string, after: string): Change[] {
  const a = before.trimEnd().split("\n");
  const b = after.trimEnd().split("\n");
  const longest = common(a, b);
  const at = (i: number, j: number): number => longest[i * (b.length + 1) + j] ?? 0;
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      changes.push({ sign: " ", text: a[i] ?? "" });
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      changes.push({ sign: "-", text: a[i] ?? "" });
      i += 1;
    } else {
      changes.push({ sign: "+", text: b[j] ?? "" });
      j += 1;
    }
  }
  return changes;
}

/** Lengths of the longest common subsequences of all pairs of tails, row after row. */
function common(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const found = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const down = found[(i + 1) * width + j] ?? 0;
      const right = found[i * width + j + 1] ?? 0;
      const both = found[(i + 1) * width + j + 1] ?? 0;
      found[i * width + j] = a[i] === b[j] ? both + 1 : Math.max(down, right);
    }
  }
  return found;
}
