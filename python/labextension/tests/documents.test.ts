// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { Signal } from "@lumino/signaling";

import { type Cell, holdStill } from "../src/documents.ts";

/** A cell as JupyterLab's, which writes into its metadata that it is read-only while it follows them. */
class FakeCell {
  model = { sharedModel: { getSource: () => "", dispose: () => undefined } };
  written: boolean[] = [];
  syncCollapse = true;
  private isSynced = true;
  private isReadOnly = false;

  get readOnly(): boolean {
    return this.isReadOnly;
  }
  set readOnly(value: boolean) {
    this.isReadOnly = value;
    if (this.isSynced) {
      this.written.push(value);
    }
  }
  get syncEditable(): boolean {
    return this.isSynced;
  }
  set syncEditable(value: boolean) {
    this.isSynced = value;
    if (value) {
      this.isReadOnly = false; // as the metadata say
    }
  }
}

const notebook = (): { cells: FakeCell[]; changed: Signal<object, unknown>; document: Document } => {
  const cells = [new FakeCell()];
  const changed = new Signal<object, unknown>({});
  const document = {
    content: { widgets: cells as Cell[], model: { cells: { changed } } },
    context: { model: { readOnly: false }, sessionContext: { kernelPreference: { name: "python3" } } },
  } as unknown as Document;
  return { cells, changed, document };
};
type Document = Parameters<typeof holdStill>[0];

void test("all cells are read-only, those that come later too, until the document is released", () => {
  const { cells, changed, document } = notebook();
  const release = holdStill(document);
  cells.push(new FakeCell());
  changed.emit(undefined);
  assert.deepEqual(
    [cells.map((cell) => cell.readOnly), document.context.model.readOnly],
    [[true, true], true],
  );
  release();
  cells.push(new FakeCell());
  changed.emit(undefined);
  assert.deepEqual(
    [cells.map((cell) => cell.readOnly), document.context.model.readOnly],
    [[false, false, false], false],
  );
});

void test("no cell is made read-only for everyone", () => {
  const { cells, document } = notebook();
  const release = holdStill(document);
  release();
  assert.deepEqual(
    cells.flatMap((cell) => cell.written),
    [],
  );
});

void test("no kernel starts until the document is released", () => {
  const { document } = notebook();
  const { sessionContext } = document.context;
  const release = holdStill(document);
  assert.equal(sessionContext.kernelPreference.shouldStart, false);
  release();
  assert.deepEqual({ ...sessionContext.kernelPreference }, { name: "python3", shouldStart: undefined });
});

void test("the editor of a file gets back what it had", () => {
  const options = { readOnly: false as unknown };
  const editor = {
    getOption: () => options.readOnly,
    setOption: (_: string, value: unknown) => (options.readOnly = value),
  };
  const document = { content: { editor }, context: notebook().document.context } as unknown as Document;
  const release = holdStill(document);
  assert.equal(options.readOnly, true);
  release();
  assert.equal(options.readOnly, false);
});
