// SPDX-License-Identifier: GPL-3.0-or-later
// Which of JupyterLab's commands people who can only view a server may use.

/** What shows something of a notebook, or opens something else. All other commands of notebooks may change them. */
const NOTEBOOK = new Set(
  [
    "copy-cell copy-to-clipboard create-console create-new create-output-view create-subshell-console",
    "deselect-all disable-output-scrolling enable-output-scrolling enter-command-mode enter-edit-mode",
    "export-to-format extend-marked-cells-above extend-marked-cells-below extend-marked-cells-bottom",
    "extend-marked-cells-top get-kernel hide-all-cell-code hide-all-cell-outputs hide-cell-code",
    "hide-cell-outputs move-cursor-down move-cursor-up render-all-markdown select-all select-last-run-cell",
    "set-side-by-side-ratio show-all-cell-code show-all-cell-outputs show-cell-code show-cell-outputs",
    "toggle-all-cell-line-numbers toggle-autoclosing-brackets toggle-cell-outputs",
    "toggle-render-side-by-side-current toggle-virtual-scrollbar",
  ].flatMap((line) => line.split(" ")),
);

/** What changes a document although its editor is read-only, or what would wait for a server that takes nothing. */
const OTHERS = new Set([
  "completer:invoke-file",
  "completer:invoke-notebook",
  "completer:select-file",
  "completer:select-notebook",
  "docmanager:save",
  "docmanager:save-all",
  "fileeditor:cut",
  "fileeditor:paste",
  "fileeditor:redo",
  "fileeditor:replace-selection",
  "fileeditor:undo",
  "toc:run-cells",
]);

/** Return whether a command may change a document. */
export function changesDocument(command: string): boolean {
  const [of, name] = command.split(":", 2);
  return of === "notebook" ? !NOTEBOOK.has(name ?? "") : OTHERS.has(command);
}
