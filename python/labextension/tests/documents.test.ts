// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Signal } from "@lumino/signaling";

import { type Cell, holdStill, lock } from "../src/documents.ts";

/** A cell as JupyterLab's, which writes into its metadata that it is read-only while it follows them. */
class FakeCell {
  model = { sharedModel: { getSource: () => "", dispose: () => undefined } };
  written: boolean[] = [];
  syncCollapse = true;
  syncScrolled = true;
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
  const statusChanged = new Signal<object, unknown>({});
  const document = {
    content: { widgets: cells as Cell[], model: { cells: { changed } } },
    context: {
      model: { readOnly: false },
      sessionContext: { kernelPreference: { name: "python3" }, statusChanged },
    },
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

void test("no cell is made read-only, collapsed or scrolled for everyone", () => {
  const { cells, document } = notebook();
  const followed = (): boolean[] => cells.flatMap((cell) => [cell.syncCollapse, cell.syncScrolled]);
  const release = holdStill(document);
  assert.deepEqual(followed(), [false, false]);
  release();
  assert.deepEqual(followed(), [true, true]);
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

void test("a document shows no status of its kernel until it is released, and then connects to it", () => {
  const { document } = notebook();
  const { sessionContext } = document.context;
  let tries = 0;
  const reconnect = (): Promise<void> => {
    tries += 1;
    return Promise.resolve();
  };
  const kernel = { connectionStatus: "disconnected", reconnect };
  Object.setPrototypeOf(sessionContext, {
    session: { kernel },
    get kernelDisplayStatus() {
      return kernel.connectionStatus;
    },
  });
  let shown: string = sessionContext.kernelDisplayStatus;
  sessionContext.statusChanged.connect(() => (shown = sessionContext.kernelDisplayStatus));
  const release = holdStill(document);
  assert.deepEqual([shown, tries], ["", 0]);
  release();
  assert.deepEqual([sessionContext.kernelDisplayStatus, tries], ["disconnected", 1]);
  kernel.connectionStatus = "connected";
  holdStill(document)();
  assert.equal(tries, 1);
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

void test("a locked document is read-only, and disconnected from its kernel and the server", (t) => {
  const { cells, document } = notebook();
  const disposed: string[] = [];
  const disposing = (name: string): { dispose: () => void } => ({ dispose: () => disposed.push(name) });
  Object.assign(document.context.model, { sharedModel: disposing("text") });
  Object.assign(document.context.sessionContext, { session: disposing("kernel") });
  const page = globalThis as unknown as { document: unknown };
  page.document = { body: { classList: new Set() } };
  t.after(() => delete page.document);
  lock({ shell: { widgets: () => [document] } } as unknown as JupyterFrontEnd);
  assert.deepEqual(
    cells.map((cell) => cell.readOnly),
    [true],
  );
  assert.deepEqual(disposed, ["kernel", "text"]);
});
