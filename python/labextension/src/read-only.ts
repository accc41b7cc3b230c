// SPDX-License-Identifier: GPL-3.0-or-later
// While a page's visitor can only view its server, nothing in the page can be changed: it would never be sent.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ISignal } from "@lumino/signaling";

import { holdStill, type OpenDocument, openDocuments } from "./documents.ts";
import { isForEditors } from "./reading.ts";

/** What this extension uses of JupyterLab's shell. */
type Shell = JupyterFrontEnd.IShell & { layoutModified: ISignal<unknown, void> };

const CELLS = "application/vnd.jupyter.cells";
/** Hides what changes notebooks without a command. */
const MARK = "jp-mod-collabView";

export class ReadOnly {
  constructor(app: JupyterFrontEnd) {
    this.app = app;
  }

  /** Whether all documents are read-only, those that are opened later too. */
  get value(): boolean {
    return this._value;
  }
  set value(value: boolean) {
    if (value === this._value) {
      return;
    }
    this._value = value;
    if (value && !this.isReady) {
      this.isReady = true;
      this.prepare();
    }
    document.body.classList.toggle(MARK, value);
    if (value) {
      this.hold();
    } else {
      for (const release of this.held.values()) {
        release();
      }
      this.held.clear();
    }
    this.app.commands.notifyCommandChanged();
  }

  /** Follow what happens in the page. The pages of others do without. */
  private prepare(): void {
    const { commands, shell } = this.app;
    const isEnabled = commands.isEnabled.bind(commands);
    const execute = commands.execute.bind(commands);
    const isRefused = (id: string): boolean => this._value && isForEditors(id);
    // Menus, keys and buttons ask the first. The second is for what runs commands without asking.
    commands.isEnabled = (id, args) => !isRefused(id) && isEnabled(id, args);
    commands.execute = (id, args) => (isRefused(id) ? Promise.resolve() : execute(id, args));
    (shell as Shell).layoutModified.connect(() => {
      this.hold();
    });
    // Without the event, no place takes the cells that are dragged.
    const keepCells = (event: Event & { mimeData?: { hasData: (type: string) => boolean } }): void => {
      if (this._value && event.mimeData?.hasData(CELLS)) {
        event.stopPropagation();
      }
    };
    document.addEventListener("lm-dragenter", keepCells, true);
  }

  /** Make documents read-only that are not. */
  private hold(): void {
    for (const each of this._value ? openDocuments(this.app) : []) {
      if (!this.held.has(each)) {
        this.held.set(each, holdStill(each));
        each.disposed.connect(() => this.held.delete(each));
      }
    }
  }

  private readonly app: JupyterFrontEnd;
  private readonly held = new Map<OpenDocument, () => void>();
  private isReady = false;
  private _value = false;
}
