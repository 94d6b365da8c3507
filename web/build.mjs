// Builds the pages into src/fusemax/web/static, or into the folder given: the same source gives the same bytes.
import { cp, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../src/fusemax/web/static"));
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.ts" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  logLevel: "warning",
});
await build({ absWorkingDir: here, entryPoints: { app: "src/app.css" }, outdir: out, minify: true, logLevel: "warning" });
await cp(join(here, "public"), out, { recursive: true });
