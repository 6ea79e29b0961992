// Hocuspocus as its documentation sets it up, for `make bench`: defaults, and its documents in SQLite.
// Arguments: the directory with its packages, a port, the database's file. SIGTERM ends it, all stored.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { DatabaseSync } from "node:sqlite";

const [packages, port, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(createRequire(`${packages}/package.json`).resolve(name)));
const { Server } = await load("@hocuspocus/server");
const { Database } = await load("@hocuspocus/extension-database");

// Node's own SQLite: the one that @hocuspocus/extension-sqlite brings must be compiled where no binary is to be had.
// The same table; a document's whole state is written 2 s after an edit, at least every 10 s.
const database = new DatabaseSync(file);
database.exec("CREATE TABLE IF NOT EXISTS documents (name VARCHAR(255) NOT NULL UNIQUE, data BLOB NOT NULL)");
const select = database.prepare("SELECT data FROM documents WHERE name = ?");
const store = database.prepare(
  "INSERT INTO documents (name, data) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data",
);

const server = new Server({
  address: "127.0.0.1",
  port: Number(port),
  quiet: true,
  extensions: [
    new Database({
      fetch: async ({ documentName }) => select.get(documentName)?.data ?? null,
      store: async ({ documentName, state }) => void store.run(documentName, state),
    }),
  ],
});
await server.listen();
