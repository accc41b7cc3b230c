// SPDX-License-Identifier: GPL-3.0-or-later
// Shows documents, and places in them, without giving them the focus.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { AbstractType, Doc } from "yjs";

import { type Awareness, awarenessOfPages, type Place } from "./awareness.ts";
import { documentAt } from "./documents.ts";
import type { Page } from "./following.ts";

/** What this extension uses of the editor of a text or a cell. It exists only while the cell is shown. */
interface Editor {
  getPositionAt: (offset: number) => { line: number; column: number } | undefined;
  revealPosition: (position: { line: number; column: number }) => void;
}

interface Shared {
  awareness?: Awareness;
  ydoc?: Doc;
}

interface Content {
  editor?: Editor;
  widgets?: readonly {
    editor?: Editor | null;
    model: { sharedModel: { ysource?: AbstractType<unknown> } };
  }[];
  scrollToItem?: (index: number) => Promise<void>;
}

export function pageOf(app: JupyterFrontEnd): Page {
  let ofPages: Promise<Awareness | undefined> | undefined;
  return {
    ofPages: () => (ofPages ??= awarenessOfPages(app)),
    localPath: (path) => app.serviceManager.contents.localPath(path),
    show: async (path, isWanted) => {
      if (!documentAt(app, path)) {
        await app.commands.execute("docmanager:open", { path, options: { activate: false } });
      }
      const widget = documentAt(app, path);
      if (!widget || !isWanted()) {
        return undefined;
      }
      app.shell.activateById(widget.id);
      await widget.context.ready;
      return (widget.context.model.sharedModel as Shared).awareness;
    },
    reveal: async (path, place, isWanted) => {
      const widget = documentAt(app, path);
      const { ydoc } = (widget?.context.model.sharedModel ?? {}) as Shared;
      const content = widget?.content as Content | undefined;
      const at = content && ydoc && (await textAt(ydoc, place));
      if (!at || !isWanted()) {
        return;
      }
      let { editor } = content;
      if (content.widgets) {
        const index = content.widgets.findIndex(({ model }) => model.sharedModel.ysource === at.type);
        if (index < 0) {
          return;
        }
        await content.scrollToItem?.(index);
        editor = content.widgets[index]?.editor ?? undefined;
      }
      const position = editor?.getPositionAt(at.index);
      if (editor && position && isWanted()) {
        editor.revealPosition(position);
      }
    },
  };
}

/** Return the text, and the index in it, of a position that another page has told; undefined if it is not in this document. */
export async function textAt(
  ydoc: Doc,
  place: Place,
): Promise<{ type: AbstractType<unknown>; index: number } | undefined> {
  const Y = await import("yjs");
  try {
    const relative = Y.createRelativePositionFromJSON(place);
    return Y.createAbsolutePositionFromRelativePosition(relative, ydoc) ?? undefined;
  } catch {
    return undefined;
  }
}
