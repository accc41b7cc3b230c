// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import core from "../core/package.json" with { type: "json" };
import extension from "../package.json" with { type: "json" };

void test("all that the extension needs comes from JupyterLab", () => {
  assert.deepEqual(core.dependencies, extension.dependencies);
  assert.deepEqual(core.jupyterlab.singletonPackages, Object.keys(core.dependencies));
});
