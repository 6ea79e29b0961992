// Bundles the tests beside this file and hands them to Node's test runner: `node run.mjs`.
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildForNode } from "../../static/build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const tests = (await readdir(here)).filter((name) => name.endsWith(".test.ts"));
const folder = await mkdtemp(join(tmpdir(), "quillroom-tests-"));
try {
  await buildForNode(
    tests.map((name) => join(here, name)),
    folder,
  );
  const built = (await readdir(folder)).map((name) => join(folder, name));
  const { status } = spawnSync(process.execPath, ["--test", ...built], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
