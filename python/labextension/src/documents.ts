// SPDX-License-Identifier: GPL-3.0-or-later
// Documents in the main area, by the paths that the server knows them by.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { Kernel } from "@jupyterlab/services";
import type { ISignal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";

/** What this extension uses of a text. */
interface SharedText {
  getSource: () => unknown;
  dispose: () => void;
}

/** What this extension uses of the signal that a kernel's status has changed. */
type StatusSignal = ISignal<ISessionContext, Kernel.Status> & { emit: (status: Kernel.Status) => void };

/** What this extension uses of a cell of a notebook. */
export interface Cell {
  model: { sharedModel: SharedText };
  readOnly: boolean;
  /** Whether the cell's metadata follow its widget, and the widget follows them. */
  syncEditable: boolean;
  syncCollapse: boolean;
  /** Code cells only. */
  syncScrolled?: boolean;
}

/** What this extension uses of an open document. The parts of `content` exist in notebooks or in text files. */
export type OpenDocument = Widget & {
  context: {
    path: string;
    ready: Promise<void>;
    model: { readOnly: boolean; sharedModel: SharedText };
    sessionContext: ISessionContext;
  };
  content: {
    widgets?: readonly Cell[];
    model?: { cells: { changed: ISignal<unknown, unknown> } } | null;
    editor?: {
      getOption: (name: "readOnly") => unknown;
      setOption: (name: "readOnly", value: unknown) => void;
    };
  };
};

/** Return whether the document at a path is open in this page. */
export function isOpen(app: JupyterFrontEnd, path: string): boolean {
  return widgetOf(app, path) !== undefined;
}

/** Show the document at a path. Open it if it is not open. */
export async function show(app: JupyterFrontEnd, path: string): Promise<void> {
  const open = widgetOf(app, path);
  if (open) {
    app.shell.activateById(open.id);
  } else {
    await app.commands.execute("docmanager:open", { path });
  }
}

/** Return all documents that are open in this page. */
export function openDocuments(app: JupyterFrontEnd): OpenDocument[] {
  return Array.from(app.shell.widgets("main")).filter(
    (widget): widget is OpenDocument => "context" in widget,
  );
}

/** Return the document at a path; undefined if it is not open in this page. */
export function documentAt(app: JupyterFrontEnd, path: string): OpenDocument | undefined {
  return openDocuments(app).find((widget) => pathIn(app, widget) === path);
}

/** Return the path of the current document, or an empty string if it has none. */
export function currentPath(app: JupyterFrontEnd): string {
  const { currentWidget } = app.shell;
  return currentWidget ? (pathIn(app, currentWidget) ?? "") : "";
}

/** Return the text of the current document, or of the first one. The cells of a notebook are separated by blank lines. */
export function currentText(app: JupyterFrontEnd): string {
  const documents = openDocuments(app);
  const document = documents.find((each) => each === app.shell.currentWidget) ?? documents[0];
  return document ? textOf(document) : "";
}

/** Return the text of a document. */
export function textOf({ content, context }: Pick<OpenDocument, "content" | "context">): string {
  const parts = content.widgets?.map((cell) => cell.model.sharedModel) ?? [context.model.sharedModel];
  return parts.map((part) => String(part.getSource())).join("\n\n");
}

/**
 * Make a document read-only, start no kernel for it, and show no status of one. What it shows still follows the server. Return what makes it as it was.
 *
 * Nothing of this is in the document itself: JupyterLab would write into each cell that it is read-only, or collapsed, for everyone.
 */
export function holdStill({ content, context }: Pick<OpenDocument, "content" | "context">): () => void {
  const holdCells = (): void => {
    for (const cell of content.widgets ?? []) {
      follow(cell, false);
      cell.readOnly = true;
    }
  };
  const wasReadOnly = context.model.readOnly;
  const before = content.editor?.getOption("readOnly");
  const cells = content.model?.cells;
  const { sessionContext } = context;
  const { shouldStart } = sessionContext.kernelPreference;
  sessionContext.kernelPreference = { ...sessionContext.kernelPreference, shouldStart: false };
  // The server does not connect this page to kernels. Without this, JupyterLab would say for ever that it is connecting.
  Object.defineProperty(sessionContext, "kernelDisplayStatus", { configurable: true, value: "" });
  // What shows it already reads it again.
  (sessionContext.statusChanged as StatusSignal).emit("unknown");
  context.model.readOnly = true;
  content.editor?.setOption("readOnly", true);
  holdCells();
  cells?.changed.connect(holdCells);
  return () => {
    cells?.changed.disconnect(holdCells);
    Reflect.deleteProperty(sessionContext, "kernelDisplayStatus"); // the property of its class again
    reconnect(sessionContext.session?.kernel);
    sessionContext.kernelPreference = { ...sessionContext.kernelPreference, shouldStart };
    context.model.readOnly = wasReadOnly;
    content.editor?.setOption("readOnly", before);
    for (const cell of content.widgets ?? []) {
      follow(cell, true);
    }
  };
}

/** Connect to a kernel from which the page was kept away. JupyterLab tries a few times only, and then never again. */
export function reconnect(kernel: Kernel.IKernelConnection | null | undefined): void {
  if (kernel && kernel.connectionStatus !== "connected") {
    kernel.reconnect().catch((error: unknown) => {
      console.warn("The kernel does not answer yet", error);
    });
  }
}

/** Have a cell follow its metadata, and they it, or not. */
function follow(cell: Cell, value: boolean): void {
  cell.syncEditable = value;
  cell.syncCollapse = value;
  if (cell.syncScrolled !== undefined) {
    cell.syncScrolled = value;
  }
}

/** Make all open documents read-only, and disconnect them from the server for good. What they show stays. */
export function lock(app: JupyterFrontEnd): void {
  document.body.classList.add("jp-mod-collabEnded");
  for (const each of openDocuments(app)) {
    holdStill(each);
    each.context.sessionContext.session?.dispose();
    each.context.model.sharedModel.dispose();
  }
}

function widgetOf(app: JupyterFrontEnd, path: string): Widget | undefined {
  return Array.from(app.shell.widgets("main")).find((widget) => pathIn(app, widget) === path);
}

/** Return the path of the document in a widget, without its drive, such as `RTC:`. */
function pathIn(app: JupyterFrontEnd, widget: Widget & { context?: { path: string } }): string | undefined {
  return widget.context && app.serviceManager.contents.localPath(widget.context.path);
}
