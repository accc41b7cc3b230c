// SPDX-License-Identifier: GPL-3.0-or-later
// Shares the document or server that a page shows: by a link that is copied at once, or on the hub's sharing page.
import { JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Clipboard, ICommandPalette, Notification, showDialog } from "@jupyterlab/apputils";
import { PageConfig, URLExt } from "@jupyterlab/coreutils";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";

import { currentPath } from "./documents.ts";
import { linkTo, pageFor } from "./links.ts";
import { DOMAIN, EXTENSION } from "./names.ts";
import { askPlace } from "./request.ts";
import { type Choice, Choices, type Levels, buttonsFor } from "./share-view.tsx";
import type { Place } from "./server.ts";

const COPY = "collab-jupyterhub:copy-link";
const SHARE = "collab-jupyterhub:share";
/** How long a notice stays that a link was copied, in milliseconds. */
const BRIEFLY = 10_000;
/** JupyterLab's settings to which the role that sets up sharing adds a button, and the name of that button. */
const BAR = "@jupyterlab/application-extension:top-bar";
const BUTTON = "user-sharing";

export const share: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:share`,
  description: "Shares the document or server that this page shows.",
  autoStart: true,
  optional: [ITranslator, ICommandPalette, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const settings = app.serviceManager.serverSettings;
    const base = URLExt.join(PageConfig.getBaseUrl(), "/");

    const copy = (path: string, place: Place): void => {
      Clipboard.copyToSystem(linkTo(base, path));
      const who =
        place.owner === place.username
          ? trans.__("It opens for people who have access to your server.")
          : trans.__("It opens for people who have access to %1's server.", place.owner);
      const what = path ? trans.__("Link to %1 copied.", path) : trans.__("Link to this server copied.");
      Notification.emit(`${what} ${who}`, "success", { autoClose: BRIEFLY });
    };
    app.commands.addCommand(COPY, {
      label: () =>
        currentPath(app) ? trans.__("Copy Link to This Document") : trans.__("Copy Link to This Server"),
      execute: async () => {
        copy(currentPath(app), await askPlace(settings));
      },
    });
    app.commands.addCommand(SHARE, {
      label: trans.__("Share"),
      caption: trans.__("Share this document or this server"),
      execute: async () => {
        const place = await askPlace(settings);
        const path = currentPath(app);
        const page = place.owner === place.username ? await sharingPage(registry) : undefined;
        if (!page) {
          // Who works here already has access, and cannot give it to others.
          copy(path, place);
          return;
        }
        const body = new Choices(path, page.levels && (page as Levels), trans);
        const answer = await showDialog<Choice>({
          title: trans.__("Share"),
          body,
          buttons: buttonsFor(trans),
          focusNodeSelector: "input:checked, .jp-mod-accept",
        });
        const chosen = answer.value?.what === "document" ? path : "";
        if (answer.button.actions.includes("copy")) {
          copy(chosen, place);
        } else if (answer.button.accept) {
          window.open(
            pageFor(page.url, place.server, chosen, answer.value?.level ?? ""),
            "_blank",
            "noopener",
          );
        }
      },
    });
    for (const command of [COPY, SHARE]) {
      palette?.addItem({ command, category: trans.__("Collaboration") });
    }
    // The role's button leads to the same page without the document.
    document.body.classList.add("jp-mod-collabShare");
  },
};

/** What the role's button says about the hub's sharing page: its address, and which levels it offers. */
type Page = { url: string } & Partial<Levels>;

/** Return what is known of the hub's sharing page; undefined if this hub has none. */
async function sharingPage(registry: ISettingRegistry | null): Promise<Page | undefined> {
  const settings = await registry?.load(BAR);
  const items = (settings?.composite.toolbar ?? []) as unknown as { name: string; args?: Partial<Page> }[];
  const args = items.find(({ name }) => name === BUTTON)?.args;
  return args?.url ? { ...args, url: args.url } : undefined;
}
