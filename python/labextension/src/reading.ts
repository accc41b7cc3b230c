// SPDX-License-Identifier: GPL-3.0-or-later
// Which of JupyterLab's commands people who can only view a server may use.

/** What moves in a notebook, selects or copies. */
const MOVING = [
  "copy-cell",
  "copy-to-clipboard",
  "deselect-all",
  "enter-command-mode",
  "enter-edit-mode",
  "extend-marked-cells-above",
  "extend-marked-cells-below",
  "extend-marked-cells-bottom",
  "extend-marked-cells-top",
  "move-cursor-down",
  "move-cursor-up",
  "select-all",
  "select-last-run-cell",
];

/** What shows a notebook in another way, or opens something else. */
const SHOWING = [
  "create-console",
  "create-new",
  "create-output-view",
  "create-subshell-console",
  "disable-output-scrolling",
  "enable-output-scrolling",
  "export-to-format",
  "get-kernel",
  "hide-all-cell-code",
  "hide-all-cell-outputs",
  "hide-cell-code",
  "hide-cell-outputs",
  "render-all-markdown",
  "set-side-by-side-ratio",
  "show-all-cell-code",
  "show-all-cell-outputs",
  "show-cell-code",
  "show-cell-outputs",
  "toggle-all-cell-line-numbers",
  "toggle-autoclosing-brackets",
  "toggle-cell-outputs",
  "toggle-render-side-by-side-current",
  "toggle-virtual-scrollbar",
];

/** All other commands of notebooks may change them. */
const NOTEBOOK = new Set([...MOVING, ...SHOWING]);

/** What writes a chat of jupyterlab-chat, or makes one. */
const CHAT = new Set(["create", "createAndOpen", "focusInput", "moveChat", "openWithMessage", "renameChat"]);

/** What changes a document although its editor is read-only, or what the server would refuse. */
const OTHERS = new Set([
  "collab-jupyterhub:show-history",
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

/** Return whether a command is only for people who can edit. */
export function isForEditors(command: string): boolean {
  const [of, name] = command.split(":", 2);
  if (of === "jupyterlab-chat") {
    return CHAT.has(name ?? "");
  }
  return of === "notebook" ? !NOTEBOOK.has(name ?? "") : OTHERS.has(command);
}
