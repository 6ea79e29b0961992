// Builds what the pages load: `node build.mjs` writes dist/ and dist/manifest.json,
// `node build.mjs watch` rebuilds on change, `node build.mjs schema` prints the document schema as JSON.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { context, build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");

/** Page name of a bundle -> its entry file. */
const entries = {
  "ui.js": "src/ui/index.ts",
  "editor.js": "src/editor/index.ts",
  "history.js": "src/history/index.ts",
  "variants.js": "src/variants/index.ts",
  "app.css": "css/app.css",
  "site.css": "css/site.css",
};

/** @returns {import("esbuild").Plugin} */
function manifest() {
  return {
    name: "manifest",
    setup(bundler) {
      bundler.onEnd(async (result) => {
        if (result.errors.length > 0 || !result.metafile) return;
        /** @type {Record<string, string>} */
        const names = {};
        const kept = new Set(["manifest.json"]);
        for (const [file, output] of Object.entries(result.metafile.outputs)) {
          kept.add(basename(file));
          if (!output.entryPoint) continue;
          const entry = relative(root, join(root, output.entryPoint));
          const name = Object.keys(entries).find((key) => entries[key] === entry);
          if (name) names[name] = basename(file);
        }
        await writeFile(join(dist, "manifest.json"), `${JSON.stringify(names, null, 2)}\n`);
        // The server caches hashed names for ever, so an old bundle left behind is only dead weight.
        for (const file of await readdir(dist)) if (!kept.has(file)) await rm(join(dist, file));
      });
    },
  };
}

/** @returns {import("esbuild").BuildOptions} */
function pages() {
  return {
    absWorkingDir: root,
    entryPoints: Object.values(entries).map((entry) => ({
      in: entry,
      out: Object.keys(entries)
        .find((key) => entries[key] === entry)
        .replace(/\.(js|css)$/, ""),
    })),
    outdir: dist,
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    sourcemap: "linked",
    format: "esm",
    target: ["es2022", "chrome120", "firefox128", "safari17"],
    loader: { ".svg": "file", ".woff2": "file" },
    external: ["/static/*"],
    // Comments of licences stay with the code they belong to.
    legalComments: "eof",
    metafile: true,
    logLevel: "warning",
    plugins: [manifest()],
  };
}

/**
 * What lies outside static/ (the tests) takes its packages from here too, so that no package is there twice.
 * @returns {import("esbuild").Plugin}
 */
function packagesFromHere() {
  return {
    name: "packages-from-here",
    setup(bundler) {
      bundler.onResolve({ filter: /^[^./]/ }, ({ path, kind, resolveDir, pluginData }) =>
        pluginData === "here" || path.startsWith("node:") || kind === "entry-point" || resolveDir.startsWith(root)
          ? undefined
          : bundler.resolve(path, { kind, resolveDir: root, pluginData: "here" }),
      );
    },
  };
}

/**
 * Bundles TypeScript modules for Node into a folder, as .mjs files of the same names.
 * @param {string[]} files absolute paths, or paths under static/
 * @param {string} folder
 */
export async function buildForNode(files, folder) {
  await build({
    absWorkingDir: root,
    entryPoints: files,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    plugins: [packagesFromHere()],
    bundle: true,
    format: "esm",
    platform: "node",
    sourcemap: "inline",
    logLevel: "warning",
  });
}

/**
 * Bundles one TypeScript module for Node and imports it.
 * @param {string} file absolute path, or path under static/
 */
export async function load(file) {
  const folder = await mkdtemp(join(tmpdir(), "quillroom-build-"));
  try {
    await buildForNode([file], folder);
    return await import(pathToFileURL(join(folder, basename(file).replace(/\.ts$/, ".mjs"))).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(command) {
  await mkdir(dist, { recursive: true });
  if (command === "schema") {
    const { describeSchema } = await load("src/editor/schema-json.ts");
    process.stdout.write(`${JSON.stringify(describeSchema(), null, 2)}\n`);
  } else if (command === "watch") {
    await (await context(pages())).watch();
  } else if (command === undefined) {
    await build(pages());
  } else {
    process.stderr.write("usage: node build.mjs [watch|schema]\n");
    process.exitCode = 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2]);
