// SPDX-License-Identifier: GPL-3.0-or-later
// Says in a banner why this page is not connected to its server, instead of JupyterLab's dialogs.
import {
  IConnectionLost,
  JupyterFrontEnd,
  type JupyterFrontEndPlugin,
  JupyterLab,
} from "@jupyterlab/application";
import { Clipboard } from "@jupyterlab/apputils";
import { URLExt } from "@jupyterlab/coreutils";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";

import { Banner } from "./banner-view.tsx";
import { type Cause, Connection } from "./connection.ts";
import { silenceDialogs } from "./dialogs.ts";
import { currentText, lock } from "./documents.ts";
import { Kernels } from "./kernels.ts";
import { DOMAIN, EXTENSION } from "./names.ts";
import { type HubPages, newsOf, newsOfKernels } from "./news.ts";
import { askPlace, whyAway } from "./request.ts";
import { FAREWELL, onEvent, type Place } from "./server.ts";

export const banner: JupyterFrontEndPlugin<IConnectionLost> = {
  id: `${EXTENSION}:banner`,
  description: "Says why this page is not connected to its server, and what to do.",
  autoStart: true,
  requires: [JupyterFrontEnd.IPaths],
  optional: [ITranslator, JupyterLab.IInfo],
  provides: IConnectionLost,
  activate: (
    app: JupyterFrontEnd,
    paths: JupyterFrontEnd.IPaths,
    translator: ITranslator | null,
    info: JupyterLab.IInfo | null,
  ): IConnectionLost => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const services = app.serviceManager;
    const view = new Banner(trans.__("Connection"));
    app.shell.add(view, "header");
    const kernels = new Kernels(app);
    let place: Place | undefined;
    let text = "";
    const copy = (): void => {
      Clipboard.copyToSystem(currentText(app) || text);
    };

    const forget = (): void => {
      kernels.forget();
    };
    const showKernels = (): void => {
      const lost = kernels.lost();
      view.say(lost.length > 0 ? newsOfKernels(lost, forget, trans) : undefined);
    };
    kernels.onChange = (): void => {
      if (!connection.cause) {
        showKernels();
      }
    };
    const onChange = (cause: Cause | undefined): void => {
      if (info) {
        // JupyterLab asks for nothing meanwhile.
        info.isConnected = cause === undefined;
      }
      if (cause === undefined) {
        view.say(undefined);
        void kernels.refresh().then(showKernels);
        return;
      }
      kernels.note();
      if (cause === "ended") {
        text = currentText(app);
        lock(app);
        silenceDialogs();
      }
      view.say(newsOf(cause, place, pagesOf(paths, place), copy, trans));
    };
    const connection = new Connection(() => whyAway(services.serverSettings), onChange);

    onEvent(services, FAREWELL, ({ reason }) => {
      if (reason === "ended") {
        connection.end();
      } else {
        connection.stop();
      }
    });
    for (const change of ["offline", "online"]) {
      window.addEventListener(change, () => {
        connection.suspect();
      });
    }
    void app.restored
      .then(() => askPlace(services.serverSettings))
      .then((answer) => {
        place = answer;
      })
      .catch(() => {
        connection.suspect();
      });
    return () => {
      connection.suspect();
      return Promise.resolve();
    };
  },
};

/** Return the hub's pages for this server. */
function pagesOf({ urls }: JupyterFrontEnd.IPaths, place: Place | undefined): HubPages {
  const hub = (...parts: string[]): string =>
    (urls.hubHost ?? "") + URLExt.join(urls.hubPrefix ?? "/hub/", ...parts.map(encodeURIComponent));
  const server = place ? [place.owner, ...(place.server ? [place.server] : [])] : [];
  return { home: hub("home"), spawn: hub("spawn", ...server) };
}
