import assert from "node:assert/strict";
import { test } from "node:test";
import { fileOfDataAddress } from "../../static/src/editor/pasted-images";

void test("a data address becomes a file with its bytes and type", async () => {
  const file = fileOfDataAddress("data:image/png;base64,iVBORw0K", "shot");
  assert.equal(file?.name, "shot.png");
  assert.equal(file?.type, "image/png");
  assert.deepEqual([...new Uint8Array((await file?.arrayBuffer()) ?? new ArrayBuffer(0))], [137, 80, 78, 71, 13, 10]);
  assert.equal(fileOfDataAddress("data:image/jpeg;base64,aGk=", "a")?.name, "a.jpg");
  assert.equal(fileOfDataAddress("data:image/svg+xml,%3Csvg/%3E", "a")?.name, "a.svg");
});

void test("what is no picture or not readable becomes no file", () => {
  assert.equal(fileOfDataAddress("data:text/html,hi", "a"), null);
  assert.equal(fileOfDataAddress("data:image/png;base64,***", "a"), null);
  assert.equal(fileOfDataAddress("https://example.org/a.png", "a"), null);
});
