// SPDX-License-Identifier: GPL-3.0-or-later
// Shows the server's notices to people who have the document open.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import type { Widget } from "@lumino/widgets";

import { DOMAIN, EXTENSION } from "./names.ts";
import { NOTICE, onEvent } from "./server.ts";
import { fill } from "./text.ts";

/** How long a notice stays that is for information only, in milliseconds. */
const SECONDS = 10_000;

export const notices: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:notices`,
  description: "Shows notices from the server about open documents.",
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const shown = new Set<string>();
    onEvent(app.serviceManager, NOTICE, (notice) => {
      if (shown.has(notice.id) || !concerns(app, notice.path)) {
        return;
      }
      shown.add(notice.id);
      const text = fill(trans.__(notice.form ?? notice.message), notice.values ?? {});
      Notification.emit(text, notice.level, { autoClose: notice.level === "info" && SECONDS });
    });
  },
};

/** Return whether a notice about the document at `path` is for someone with these documents open. */
function concerns(app: JupyterFrontEnd, path: string): boolean {
  return path === "" || Array.from(app.shell.widgets("main")).some((widget) => pathIn(app, widget) === path);
}

/** Return the path of the document in a widget, without its drive, such as `RTC:`. */
function pathIn(app: JupyterFrontEnd, widget: Widget & { context?: { path: string } }): string | undefined {
  return widget.context && app.serviceManager.contents.localPath(widget.context.path);
}
