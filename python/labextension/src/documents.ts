// SPDX-License-Identifier: GPL-3.0-or-later
// Documents in the main area, by the paths that the server knows them by.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Widget } from "@lumino/widgets";

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

function widgetOf(app: JupyterFrontEnd, path: string): Widget | undefined {
  return Array.from(app.shell.widgets("main")).find((widget) => pathIn(app, widget) === path);
}

/** Return the path of the document in a widget, without its drive, such as `RTC:`. */
function pathIn(app: JupyterFrontEnd, widget: Widget & { context?: { path: string } }): string | undefined {
  return widget.context && app.serviceManager.contents.localPath(widget.context.path);
}
