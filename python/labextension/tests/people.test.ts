// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { levelOf, missing, othersFirst } from "../src/people.ts";
import type { Person } from "../src/server.ts";

const person = (username: string): Person => ({
  level: "edit",
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

void test("the visitor's level is their own", () => {
  const viewer: Person = { ...alice, level: "view" };
  assert.equal(levelOf([bob, viewer], "alice"), "view");
  assert.equal(levelOf([bob], "alice"), undefined);
});
