// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { type Cause, Connection } from "../src/connection.ts";

/** Within how many milliseconds everything must be told. */
const LIMIT = 5000;
const connections: Connection[] = [];

// Those that fail a test may ask for ever, and keep Node from ending.
afterEach(() => {
  for (const connection of connections.splice(0)) {
    connection.end();
  }
});

/** Return a connection whose server answers this, one after the other and then the last for ever, and what it tells. */
function connectionWith(...answers: (Cause | undefined)[]): {
  connection: Connection;
  told: unknown[];
  asked: () => number;
} {
  let asked = 0;
  const told: unknown[] = [];
  const connection = new Connection(
    () => Promise.resolve(answers[Math.min(asked++, answers.length - 1)]),
    (cause) => told.push(cause),
    1,
  );
  connections.push(connection);
  return { connection, told, asked: () => asked };
}

/** Wait until this many causes were told. Fails if they are not told in time. */
async function until(told: unknown[], count: number): Promise<void> {
  const end = Date.now() + LIMIT;
  while (told.length < count) {
    assert.ok(Date.now() < end, `only these were told: ${JSON.stringify(told)}`);
    await moment();
  }
}

const moment = (): Promise<void> => new Promise((done) => setTimeout(done, 5));

void test("the server is asked until it can be reached, and each cause is told once", async () => {
  const { connection, told, asked } = connectionWith("offline", "offline", "stopped", undefined);
  connection.suspect();
  await until(told, 3);
  await moment();
  assert.deepEqual(told, ["offline", "stopped", undefined]);
  assert.equal(asked(), 4);
});

void test("nothing is asked before something fails, and nothing is told if nothing did", async () => {
  const { connection, told, asked } = connectionWith(undefined);
  await moment();
  assert.equal(asked(), 0);
  connection.suspect();
  await moment();
  assert.equal(asked(), 1);
  assert.deepEqual(told, []);
});

void test("access that has ended does not come back, and the server is not asked again", async () => {
  const { connection, told, asked } = connectionWith("stopped");
  connection.suspect();
  await until(told, 1);
  connection.end();
  const before = asked();
  connection.suspect();
  await moment();
  assert.equal(asked(), before);
  assert.deepEqual(told, ["stopped", "ended"]);
});

void test("access that ends while the server is asked does not come back with the answer", async () => {
  const { connection, told, asked } = connectionWith(undefined);
  connection.suspect();
  connection.end();
  await moment();
  assert.equal(asked(), 1);
  assert.deepEqual(told, ["ended"]);
});

void test("many failures at once ask once", async () => {
  const { connection, asked } = connectionWith(undefined);
  for (let failure = 0; failure < 10; failure++) {
    connection.suspect();
  }
  await moment();
  assert.equal(asked(), 1);
});

void test("a server that stops has stopped although it still answers", async () => {
  const { connection, told } = connectionWith(undefined, undefined, "stopped", "unreachable", undefined);
  connection.stop();
  await until(told, 3);
  assert.deepEqual(told, ["stopped", "unreachable", undefined]);
});
