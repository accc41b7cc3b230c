// SPDX-License-Identifier: GPL-3.0-or-later
// Restores a version of an open document: as a change by this page's visitor, which they can undo.
import type { Doc, UndoManager } from "yjs";

import type { Restoring } from "./past.ts";

interface Undoable {
  undoManager?: UndoManager | null;
}

type SharedCell = Undoable & { getId: () => string };

/** What this extension uses of a shared document. Notebooks have cells. */
export type SharedDocument = Undoable & {
  ydoc: Doc;
  cells?: readonly SharedCell[];
  /** Whether each cell has its own undo manager. */
  disableDocumentWideUndoRedo?: boolean;
};

/** What can be undone in a document, by name. */
const PARTS = ["cells", "meta", "source"];
/** How long to wait for changes of others that the server has and this page does not have yet, in milliseconds. */
const PATIENCE = 5000;
const PAUSE = 50;

export class OtherDocument extends Error {}

/**
 * Apply what restores a version to a document. cell: the ID of the only cell that changes, or empty.
 *
 * Return what undoes just that, whatever was typed since; undefined if the document already is that version. Throws OtherDocument if the page
 * does not have the document that the server changed.
 */
export async function restore(
  document: SharedDocument,
  { state, update }: Restoring,
  cell: string,
): Promise<(() => void) | undefined> {
  const Y = await import("yjs");
  const { ydoc } = document;
  const needed = Y.decodeStateVector(state);
  const has = (): boolean => [...needed].every(([client, clock]) => Y.getState(ydoc.store, client) >= clock);
  // Otherwise, part of the update would wait for what is missing, and could not be undone.
  for (let waited = 0; !has(); waited += PAUSE) {
    if (waited >= PATIENCE) {
      throw new OtherDocument();
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  const shared = document.cells?.find((each) => each.getId() === cell);
  // The undo manager of a change's origin undoes it: with the cell's own keys, or those of the notebook.
  const origin = shared && document.disableDocumentWideUndoRedo ? shared : document;
  const parts = PARTS.map((name) => ydoc.share.get(name)).filter((part) => part !== undefined);
  const undoing = new Y.UndoManager(parts, { trackedOrigins: new Set([origin]), doc: ydoc });
  // What was typed a moment ago, or will be, is undone separately.
  origin.undoManager?.stopCapturing();
  Y.applyUpdate(ydoc, update, origin);
  origin.undoManager?.stopCapturing();
  undoing.trackedOrigins.delete(origin);
  if (undoing.undoStack.length === 0) {
    undoing.destroy();
    return undefined;
  }
  return () => {
    undoing.undo();
  };
}
