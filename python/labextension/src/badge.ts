// SPDX-License-Identifier: GPL-3.0-or-later
// Puts a badge into the top bar that says whose server this is, and who is here.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, IToolbarWidgetRegistry } from "@jupyterlab/apputils";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";

import { Badge } from "./badge-view.tsx";
import { crowdOf } from "./crowd.ts";
import { show } from "./documents.ts";
import { Following } from "./following.ts";
import { SHOW_HISTORY } from "./history.ts";
import { DOMAIN, EXTENSION } from "./names.ts";
import { pageOf } from "./places.ts";
import { askPlace } from "./request.ts";

const COMMAND = "collab-jupyterhub:show-people";

export const badge: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:badge`,
  description: "Shows whose server this is, and who is here.",
  autoStart: true,
  requires: [IToolbarWidgetRegistry],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    toolbars: IToolbarWidgetRegistry,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const following = new Following(pageOf(app), document, (person) => {
      view.setFollowed(person);
    });
    const view = new Badge(trans, {
      openDocument: (path) => void show(app, path),
      showHistory: () => void app.commands.execute(SHOW_HISTORY),
      follow: (person) => {
        following.start(person);
      },
      stop: () => {
        following.stop();
      },
    });
    toolbars.addFactory("TopBar", "who-is-here", () => view);
    app.commands.addCommand(COMMAND, {
      label: trans.__("Show Who Is Here"),
      isEnabled: () => view.isVisible,
      execute: () => {
        view.toggle();
      },
    });
    palette?.addItem({ command: COMMAND, category: trans.__("Collaboration") });

    const crowd = crowdOf(app.serviceManager);
    crowd.onChange((people) => {
      view.setPeople(people);
      following.setPeople(people);
    });
    // JupyterLab opens first.
    app.restored
      .then(() => askPlace(app.serviceManager.serverSettings))
      .then((place) => {
        crowd.hear(place);
        view.setPlace({ ...place, people: crowd.people });
      })
      .catch((error: unknown) => {
        console.warn("The server does not tell where this page is", error);
      });
  },
};
