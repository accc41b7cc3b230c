// SPDX-License-Identifier: GPL-3.0-or-later
// Says in a banner why this page is not connected to its server, instead of JupyterLab's dialogs. Says why it is read-only, and makes it so.
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
import { crowdOf } from "./crowd.ts";
import { silenceDialogs } from "./dialogs.ts";
import { currentText, lock } from "./documents.ts";
import { refuseForeign } from "./foreign.ts";
import { Kernels } from "./kernels.ts";
import { DOMAIN, EXTENSION } from "./names.ts";
import { type HubPages, newsOf, newsOfKernels, newsOfLevel } from "./news.ts";
import { levelOf } from "./people.ts";
import { ReadOnly } from "./read-only.ts";
import { askPlace, whyAway } from "./request.ts";
import { FAREWELL, type Level, onEvent, type Place } from "./server.ts";

export const banner: JupyterFrontEndPlugin<IConnectionLost> = {
  id: `${EXTENSION}:banner`,
  description: "Says why this page is read-only or not connected to its server, and what to do.",
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
    const crowd = crowdOf(services);
    const view = new Banner(trans.__("Connection"));
    app.shell.add(view, "header");
    const kernels = new Kernels(app);
    const readOnly = new ReadOnly(app);
    let place: Place | undefined;
    /** The visitor's level, as the last event or answer listed it. */
    let seen: Level | undefined;
    let text = "";
    const copy = (): void => {
      Clipboard.copyToSystem(currentText(app) || text);
    };

    const forget = (): void => {
      kernels.forget();
    };
    /** While the page is connected: say why it is read-only, or which kernels are new. */
    const showState = (): void => {
      if (connection.cause) {
        return;
      }
      const lost = kernels.lost();
      if (place && readOnly.value) {
        view.say(newsOfLevel(place, trans));
      } else {
        view.say(lost.length > 0 ? newsOfKernels(lost, forget, trans) : undefined);
      }
    };
    kernels.onChange = showState;
    const hear = (answer: Place): void => {
      place = answer;
      seen = levelOf(answer.people, answer.username) ?? seen;
      readOnly.value = answer.level === "view";
      showState();
      crowd.hear(answer);
    };
    const onChange = (cause: Cause | undefined): void => {
      if (info) {
        // JupyterLab asks for nothing meanwhile.
        info.isConnected = cause === undefined;
      }
      if (cause === undefined) {
        showState();
        void kernels.refresh().then(showState);
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
    // Each answer tells the visitor's level, so that a page knows it again after it was away.
    const connection = new Connection(() => whyAway(services.serverSettings, hear), onChange);

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
    const askAgain = (): void => {
      askPlace(services.serverSettings)
        .then(hear)
        .catch(() => {
          connection.suspect();
        });
    };
    crowd.onChange((people) => {
      const level = place && levelOf(people, place.username);
      if (level && level !== seen) {
        seen = level;
        askAgain(); // what this page's own token can do
      }
    });
    refuseForeign(services.serverSettings);
    // Before documents open, so that no kernel is asked for in vain.
    askAgain();
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
