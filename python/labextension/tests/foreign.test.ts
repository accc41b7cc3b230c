// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServerConnection } from "@jupyterlab/services";

import { refuseForeign } from "../src/foreign.ts";

const PAGE = { "Content-Type": "text/html; charset=utf-8" };
const JSON = { "Content-Type": "application/json" };
const MARK = { "X-JupyterHub-Version": "6.1.1" };

/** Return what asks for the next of these answers, with their status and headers. */
function asking(...answers: [number, Record<string, string>][]): () => Promise<Response> {
  const settings = {
    fetch: () => {
      const [status, headers] = answers.shift() ?? [500, {}];
      return Promise.resolve(new Response("", { status, headers }));
    },
  } as unknown as ServerConnection.ISettings;
  refuseForeign(settings);
  return () => settings.fetch("");
}

void test("a proxy's page or text is no answer of the server", async () => {
  const ask = asking([200, MARK], [404, {}], [404, PAGE], [503, PAGE], [200, MARK]);
  assert.equal((await ask()).status, 200);
  await assert.rejects(ask(), TypeError);
  await assert.rejects(ask(), TypeError);
  await assert.rejects(ask(), TypeError);
  assert.equal((await ask()).status, 200);
});

void test("the server's and the hub's own errors are answers", async () => {
  const ask = asking([200, MARK], [404, { ...MARK, ...PAGE }], [424, { ...MARK }], [404, JSON], [200, PAGE]);
  const statuses = [await ask(), await ask(), await ask(), await ask(), await ask()].map(
    ({ status }) => status,
  );
  assert.deepEqual(statuses, [200, 404, 424, 404, 200]);
});

void test("where a proxy removes the mark, all answers are the server's", async () => {
  const ask = asking([200, PAGE], [404, PAGE]);
  assert.equal((await ask()).status, 200);
  assert.equal((await ask()).status, 404);
});
