// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { isForEditors } from "../src/reading.ts";

void test("viewers can read a notebook, and every other command of notebooks is refused", () => {
  for (const name of [
    "move-cursor-down",
    "copy-cell",
    "hide-cell-code",
    "enter-edit-mode",
    "export-to-format",
  ]) {
    assert.ok(!isForEditors(`notebook:${name}`), name);
  }
  const changing = [
    "insert-cell-below",
    "delete-cell",
    "move-cell-up",
    "paste-cell-below",
    "undo-cell-action",
  ];
  for (const name of [
    ...changing,
    "run-cell-and-select-next",
    "restart-run-all",
    "trust",
    "invented-next-year",
  ]) {
    assert.ok(isForEditors(`notebook:${name}`), name);
  }
});

void test("commands that write into read-only editors are refused, and those of the application are not", () => {
  for (const command of [
    "collab-jupyterhub:show-history",
    "fileeditor:paste",
    "fileeditor:undo",
    "completer:select-notebook",
    "docmanager:save",
  ]) {
    assert.ok(isForEditors(command), command);
  }
  for (const command of ["fileeditor:copy", "docmanager:open", "application:toggle-mode", "editmenu:undo"]) {
    assert.ok(!isForEditors(command), command);
  }
});

void test("viewers read chats, and neither write nor make one", () => {
  for (const name of ["create", "createAndOpen", "focusInput", "moveChat", "openWithMessage", "renameChat"]) {
    assert.ok(isForEditors(`jupyterlab-chat:${name}`), name);
  }
  for (const name of ["open", "markAsRead"]) {
    assert.ok(!isForEditors(`jupyterlab-chat:${name}`), name);
  }
});
