// SPDX-License-Identifier: GPL-3.0-or-later
import { Dialog } from "@jupyterlab/apputils";

/** From now on, show no dialogs. Without access, everything that JupyterLab still tries fails, and each failure has its own dialog. */
export function silenceDialogs(): void {
  Dialog.flush();
  Dialog.tracker.widgetAdded.connect((_, dialog) => {
    // It adds itself to the tracker before it is complete.
    setTimeout(() => {
      dialog.dispose();
    });
  });
}
