// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { fill } from "../src/text.ts";

void test("values replace the fields of their names", () => {
  assert.equal(
    fill("{name} was deleted, {name}! {detail}", { name: "a.txt", detail: "$& {name}" }),
    "a.txt was deleted, a.txt! $& {name}",
  );
  assert.equal(fill("{name} stays", {}), "{name} stays");
});
