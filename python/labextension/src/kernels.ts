// SPDX-License-Identifier: GPL-3.0-or-later
// Which open documents have lost their kernels because the server was stopped.
import type { JupyterFrontEnd } from "@jupyterlab/application";

import { type OpenDocument, openDocuments, reconnect } from "./documents.ts";

export class Kernels {
  constructor(app: JupyterFrontEnd) {
    this.app = app;
  }

  /** Called when a document gets a new kernel, or is closed. */
  onChange: () => void = () => undefined;

  /** Remember which documents have kernels now. */
  note(): void {
    for (const document of openDocuments(this.app)) {
      const kernel = document.context.sessionContext.session?.kernel?.id;
      if (kernel) {
        this.before.set(document, kernel);
      }
    }
  }

  /** Find out which kernels there are, now that the server can be reached again, and connect to those that are still there. */
  async refresh(): Promise<void> {
    // Otherwise JupyterLab would notice half a minute later, run cells in vain until then, and report each kernel as dead.
    await this.app.serviceManager.sessions.refreshRunning();
    for (const [document, id] of this.before) {
      const { sessionContext } = document.context;
      const kernel = sessionContext.session?.kernel;
      if (kernel?.id !== id) {
        this.without.add(document);
        const found = (): void => {
          if (document.isDisposed || sessionContext.session?.kernel) {
            sessionContext.kernelChanged.disconnect(found);
            document.disposed.disconnect(found);
            this.without.delete(document);
            this.onChange();
          }
        };
        sessionContext.kernelChanged.connect(found);
        document.disposed.connect(found);
      } else {
        reconnect(kernel);
      }
    }
    this.before.clear();
  }

  /** Return the paths of the documents that have lost their kernels, and have no new ones yet. */
  lost(): string[] {
    return [...this.without].map(({ context }) => this.app.serviceManager.contents.localPath(context.path));
  }

  /** Speak of them no more. */
  forget(): void {
    this.without.clear();
    this.onChange();
  }

  private readonly app: JupyterFrontEnd;
  private readonly before = new Map<OpenDocument, string>();
  private readonly without = new Set<OpenDocument>();
}
