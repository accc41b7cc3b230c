// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { missing, othersFirst } from "../src/people.ts";
import type { Person } from "../src/server.ts";

const person = (username: string): Person => ({
  username,
  name: username.toUpperCase(),
  initials: "",
  color: "",
  avatar: "",
  documents: [],
});
const [alice, bob, carol] = ["alice", "bob", "carol"].map(person) as [Person, Person, Person];

void test("those who came are in the new list only, and the visitor is no news", () => {
  assert.deepEqual(missing([bob, alice, carol], [bob], "alice"), ["CAROL"]);
  assert.deepEqual(missing([bob], [bob, alice], "alice"), []);
});

void test("the visitor is the last", () => {
  assert.deepEqual(othersFirst([bob, alice, carol], "bob"), [alice, carol, bob]);
  assert.deepEqual(othersFirst([bob], "alice"), [bob]);
});
