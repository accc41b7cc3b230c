// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { linkTo, pageFor } from "../src/links.ts";

const base = "https://hub.example.org/user/shared/";

void test("a link opens the document, whatever its name", () => {
  assert.equal(linkTo(base, "a/50 % & more?.ipynb"), `${base}lab/tree/a/50%20%25%20%26%20more%3F.ipynb`);
  assert.equal(linkTo(base, ""), `${base}lab`);
});

void test("the sharing page gets the server and the document, and nothing else of their names", () => {
  const address = new URL(
    pageFor("https://hub.example.org/services/sharing/", "big one", "a&tab=theirs.txt", "view"),
  );
  assert.deepEqual(
    [...address.searchParams],
    [
      ["tab", "mine"],
      ["server", "big one"],
      ["document", "a&tab=theirs.txt"],
      ["level", "view"],
    ],
  );
});
