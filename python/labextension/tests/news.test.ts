// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { newsOf, newsOfKernels, newsOfLevel } from "../src/news.ts";
import type { Place } from "../src/server.ts";

const pages = { home: "/hub/home", spawn: "/hub/spawn/alice" };
const nothing = (): void => undefined;
/** Translates nothing, and puts arguments into their fields. */
const filled = (text: string, ...values: unknown[]): string =>
  text.replace(/%(\d)/g, (_, number: string) => String(values[Number(number) - 1]));
const trans = {
  __: filled,
  _n: (one: string, many: string, count: number, ...values: unknown[]) =>
    filled(count === 1 ? one : many, count, ...values),
} as unknown as Parameters<typeof newsOf>[4];
const place = (username: string, level: Place["level"]): Place => ({
  owner: "alice",
  server: "",
  shared: false,
  username,
  level,
  list: "",
  number: 0,
  people: [],
});
const said = (cause: Parameters<typeof newsOf>[0], where?: Place): [string, (string | undefined)[]] => {
  const { text, offers } = newsOf(cause, where, pages, nothing, trans);
  return [text, offers.map(({ href, label }) => href ?? label)];
};

void test("those who can start a stopped server are led to its own start page", () => {
  assert.deepEqual(said("stopped", place("alice", "manage"))[1], ["/hub/spawn/alice"]);
  assert.deepEqual(said("stopped", place("carol", "manage"))[1], ["/hub/spawn/alice"]);
});

void test("those who cannot start a stopped server are told who can", () => {
  const [text, offers] = said("stopped", place("bob", "edit"));
  assert.match(text, /alice's server has stopped\. Only its owner or a manager can start it/);
  assert.deepEqual(offers, ["/hub/home"]);
});

void test("nothing is offered that could start another server while it is unknown where the page is", () => {
  for (const cause of ["offline", "unreachable", "stopped", "ended"] as const) {
    assert.ok(!said(cause)[1].includes(pages.spawn), cause);
    assert.doesNotMatch(said(cause)[0], /undefined|%|''| 's/);
  }
});

void test("the text can be copied when access has ended, and the owner is told to log in", () => {
  assert.deepEqual(said("ended", place("bob", "edit"))[1], ["Copy the text", "/hub/home"]);
  assert.match(said("ended", place("alice", "manage"))[0], /logged out/);
});

void test("new kernels are named by their document, or counted", () => {
  assert.match(newsOfKernels(["a.ipynb"], nothing, trans).text, /a\.ipynb has a new kernel/);
  assert.match(newsOfKernels(["a.ipynb", "b.ipynb"], nothing, trans).text, /2 documents have new kernels/);
});

void test("viewers are told what they can do, and never that what they type is kept", () => {
  const { text, isQuiet } = newsOfLevel(place("vera", "view"), trans);
  assert.deepEqual([text, isQuiet], ["You can view alice's server, but not change anything.", true]);
  for (const cause of ["offline", "unreachable", "stopped"] as const) {
    assert.doesNotMatch(said(cause, place("vera", "view"))[0], /type/, cause);
  }
  assert.deepEqual(said("stopped", place("vera", "view"))[1], [pages.home]);
});
