// SPDX-License-Identifier: GPL-3.0-or-later
// Shows the server's notices to people who have the document open.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";

import { isOpen } from "./documents.ts";
import { DOMAIN, EXTENSION } from "./names.ts";
import { NOTICE, onEvent } from "./server.ts";
import { fill } from "./text.ts";

/** How long a notice stays that is for information only, in milliseconds. */
const BRIEFLY = 10_000;

export const notices: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:notices`,
  description: "Shows notices from the server about open documents.",
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const shown = new Set<string>();
    onEvent(app.serviceManager, NOTICE, (notice) => {
      const own = app.serviceManager.user.identity?.username;
      if (own && notice.values?.by === own) {
        return; // this page's visitor did it, and sees that
      }
      if (shown.has(notice.id) || !(notice.path === "" || isOpen(app, notice.path))) {
        return;
      }
      shown.add(notice.id);
      const text = fill(trans.__(notice.form ?? notice.message), notice.values ?? {});
      Notification.emit(text, notice.level, { autoClose: notice.level === "info" && BRIEFLY });
    });
  },
};
