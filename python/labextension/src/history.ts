// SPDX-License-Identifier: GPL-3.0-or-later
// Shows who changed a document and when, what it was, and restores it.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, ICommandPalette, MainAreaWidget, Notification, showDialog } from "@jupyterlab/apputils";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import type { ISignal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";

import { documentAt, type OpenDocument, openDocuments, show } from "./documents.ts";
import { type Choice, HistoryPanel, messageOf, nameOf, type Subject } from "./history-panel.tsx";
import { DOMAIN, EXTENSION } from "./names.ts";
import { History } from "./past.ts";
import { OtherDocument, restore, type SharedDocument } from "./restoring.ts";
import { VersionView } from "./version-view.tsx";

/** What this extension uses of JupyterLab's shell. */
type Shell = JupyterFrontEnd.IShell & {
  currentChanged: ISignal<unknown, { newValue: Widget | null }>;
  collapseLeft?: () => void;
};

export const SHOW_HISTORY = "collab-jupyterhub:show-history";
/** How long a notice stays that something was restored, in milliseconds. It can be undone from there. */
const A_WHILE = 30_000;
/** In windows of up to this width, in pixels, the list leaves no space for a version. */
const NARROW = 600;

export const history: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:history`,
  description: "Shows the history of documents, and restores earlier versions.",
  autoStart: true,
  optional: [ITranslator, ICommandPalette],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null, palette: ICommandPalette | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const server = new History(app.serviceManager.serverSettings);
    let panel: HistoryPanel | undefined;
    let view: MainAreaWidget<VersionView> | undefined;

    const current = (): Subject | undefined => {
      const { currentWidget } = app.shell;
      if (view && currentWidget === view) {
        return view.content.subject;
      }
      const open = openDocuments(app).find((each) => each === currentWidget);
      return open && subjectOf(app, open);
    };

    const restoreVersion = async ({ subject, title }: Choice, last: number, cell: string): Promise<void> => {
      const name = nameOf(subject.path);
      const what = cell
        ? trans.__("A cell of %1 becomes what it was: %2.", name, title)
        : trans.__("%1 becomes what it was: %2.", name, title);
      const answer = await showDialog({
        title: cell ? trans.__("Restore this cell?") : trans.__("Restore everything?"),
        body: `${what} ${trans.__("This changes the document for everyone. You can undo it, and what is there now stays in the history.")}`,
        buttons: [
          Dialog.cancelButton({ label: trans.__("Cancel") }),
          Dialog.okButton({ label: trans.__("Restore") }),
        ],
      });
      if (!answer.button.accept) {
        return;
      }
      try {
        await show(app, subject.path);
        const open = documentAt(app, subject.path);
        if (!open) {
          throw new OtherDocument();
        }
        await open.context.ready;
        const restoring = await server.restoring(subject.path, subject.kind, last, cell);
        const shared = open.context.model.sharedModel as unknown as SharedDocument;
        const undo = await restore(shared, restoring, cell);
        void panel?.refresh();
        if (!undo) {
          Notification.info(trans.__("Nothing to restore: it is the same now."));
          return;
        }
        Notification.success(
          cell ? trans.__("A cell of %1 was restored.", name) : trans.__("%1 was restored.", name),
          {
            autoClose: A_WHILE,
            actions: [{ label: trans.__("Undo"), callback: undo }],
          },
        );
      } catch (error) {
        const reason =
          error instanceof OtherDocument
            ? trans.__("This page does not have the latest version of it. Reload the page, then try again.")
            : messageOf(error, trans);
        Notification.error(trans.__("%1 was not restored. Reason: %2", name, reason));
      }
    };

    const look = (choice: Choice): void => {
      if (!view || view.isDisposed) {
        const content = new VersionView(
          {
            ask: ({ subject, point }) => server.version(subject.path, subject.kind, point),
            leave: ({ subject }) => {
              view?.dispose();
              void show(app, subject.path);
            },
            restore: (...what) => void restoreVersion(...what),
          },
          trans,
        );
        view = new MainAreaWidget({ content });
        view.id = `${content.id}-tab`;
        view.toolbar.hide();
        app.shell.add(view, "main");
      }
      void view.content.look(choice);
      if (window.innerWidth <= NARROW) {
        (app.shell as Shell).collapseLeft?.();
      }
      app.shell.activateById(view.id);
    };

    app.commands.addCommand(SHOW_HISTORY, {
      label: trans.__("Show History"),
      caption: trans.__("Show who changed this document and when, and restore earlier versions"),
      execute: () => {
        if (!panel) {
          const made = new HistoryPanel(
            { current, ask: ({ path, kind }) => server.past(path, kind), show: look },
            trans,
          );
          panel = made;
          app.shell.add(made, "left");
          (app.shell as Shell).currentChanged.connect((_, { newValue }) => {
            // While an earlier version is shown, the list stays.
            if (newValue !== view) {
              void made.refresh();
            }
          });
        }
        if (panel.isVisible) {
          void panel.refresh(); // otherwise it asks as soon as it is shown
        }
        app.shell.activateById(panel.id);
      },
    });
    palette?.addItem({ command: SHOW_HISTORY, category: trans.__("Collaboration") });
  },
};

/** Return a document's path and type; undefined if it has no history. */
function subjectOf(app: JupyterFrontEnd, { context }: OpenDocument): Subject | undefined {
  const path = app.serviceManager.contents.localPath(context.path);
  const { ydoc, cells } = context.model.sharedModel as Partial<SharedDocument>;
  if (cells) {
    return { path, kind: "notebook" };
  }
  return ydoc?.share.has("source") ? { path, kind: "file" } : undefined;
}
