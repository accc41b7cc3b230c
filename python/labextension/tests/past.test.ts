// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import * as Y from "yjs";

import { OtherDocument, restore, type SharedDocument } from "../src/restoring.ts";
import { rangeText, timeText } from "../src/times.ts";

/** A text file as this page has it, with JupyterLab's undo manager. */
function file(text: string): { document: SharedDocument; source: Y.Text } {
  const ydoc = new Y.Doc();
  const source = ydoc.getText("source");
  const document: SharedDocument = { ydoc };
  document.undoManager = new Y.UndoManager(source, { trackedOrigins: new Set([document]) });
  source.insert(0, text);
  return { document, source };
}

/** What the server answers: an update that a copy of the document was changed by. */
function restoringOf(ydoc: Y.Doc, change: (copy: Y.Doc) => void): { state: Uint8Array; update: Uint8Array } {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(ydoc));
  const state = Y.encodeStateVector(copy);
  change(copy);
  return { state, update: Y.encodeStateAsUpdate(copy, state) };
}

void test("the usual undo takes a restore back, and nothing else", async () => {
  const { document, source } = file("one two");
  document.ydoc.transact(() => {
    source.insert(0, "typed ");
  }, document);
  const answer = restoringOf(document.ydoc, (copy) => {
    copy.getText("source").delete(0, 10);
  });
  await restore(document, answer, "");
  assert.equal(source.toJSON(), "two");
  document.undoManager?.undo();
  assert.equal(source.toJSON(), "typed one two");
});

void test("a restore is undone whatever was typed since, by others too", async () => {
  const { document, source } = file("one two");
  const answer = restoringOf(document.ydoc, (copy) => {
    copy.getText("source").delete(0, 4);
  });
  const undo = await restore(document, answer, "");
  document.ydoc.transact(() => {
    source.insert(3, " mine");
  }, document);
  source.insert(8, " theirs");
  undo?.();
  assert.equal(source.toJSON(), "one two mine theirs");
});

void test("the undo of a restore does not undo what was typed before or later", async () => {
  const { document, source } = file("one");
  const undo = await restore(
    document,
    restoringOf(document.ydoc, (copy) => {
      copy.getText("source").insert(3, " two");
    }),
    "",
  );
  document.ydoc.transact(() => {
    source.insert(0, "zero ");
  }, document);
  undo?.();
  undo?.();
  assert.equal(source.toJSON(), "zero one");
});

void test("what is the same has nothing to undo", async () => {
  const { document } = file("one");
  assert.equal(
    await restore(
      document,
      restoringOf(document.ydoc, () => undefined),
      "",
    ),
    undefined,
  );
});

void test("the update of another document is not applied", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { document, source } = file("one");
  const other = file("other").document;
  const restored = restore(
    document,
    restoringOf(other.ydoc, (copy) => {
      copy.getText("source").delete(0, 5);
    }),
    "",
  );
  const refused = assert.rejects(restored, OtherDocument);
  for (let step = 0; step < 200; step++) {
    await new Promise(setImmediate);
    t.mock.timers.tick(50);
  }
  await refused;
  assert.equal(source.toJSON(), "one");
});

void test("it waits for what others have typed and this page does not have yet", async () => {
  const { document, source } = file("one");
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(document.ydoc));
  other.getText("source").insert(3, " more");
  const restored = restore(
    document,
    restoringOf(other, (copy) => {
      copy.getText("source").delete(0, 4);
    }),
    "",
  );
  setTimeout(() => {
    Y.applyUpdate(document.ydoc, Y.encodeStateAsUpdate(other));
  }, 20);
  await restored;
  assert.equal(source.toJSON(), "more");
  document.undoManager?.undo();
  assert.equal(source.toJSON(), "one more");
});

void test("a cell that has its own undo is restored by it", async () => {
  const ydoc = new Y.Doc();
  const cell = new Y.Map();
  const source = new Y.Text("one");
  cell.set("source", source);
  ydoc.getArray("cells").insert(0, [cell]);
  const shared = { getId: () => "a", undoManager: undefined as unknown as Y.UndoManager };
  shared.undoManager = new Y.UndoManager(cell, { trackedOrigins: new Set([shared]) });
  const document: SharedDocument = { ydoc, cells: [shared], disableDocumentWideUndoRedo: true };
  const answer = restoringOf(ydoc, (copy) => {
    const text = (copy.getArray("cells").get(0) as Y.Map<unknown>).get("source") as Y.Text;
    text.insert(3, " two");
  });
  await restore(document, answer, "a");
  assert.equal(source.toJSON(), "one two");
  shared.undoManager.undo();
  assert.equal(source.toJSON(), "one");
});

void test("times are for people, and a clock that was set back is no error", () => {
  assert.match(timeText(1_700_000_000, "en"), /2023/);
  assert.match(rangeText(1_700_000_600, 1_700_000_000, "en"), /2023.*–/);
});
