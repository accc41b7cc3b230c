// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { Crowd } from "../src/crowd.ts";
import type { Change, Person, Presence } from "../src/server.ts";

const person = (username: string, ...documents: string[]): Person => ({
  level: "edit",
  username,
  name: username.toUpperCase(),
  initials: "",
  color: "",
  avatar: "",
  documents,
});
const change = (before: number, changed: Person[], gone: string[] = [], list = "a"): Change => ({
  list,
  before,
  number: before + 1,
  changed,
  gone,
});
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** A crowd, whom it told, and the answers that it has been waiting for. */
function crowdOf(): { crowd: Crowd; told: string[]; answers: ((list: Presence | Error) => void)[] } {
  const [told, answers] = [[] as string[], [] as ((list: Presence | Error) => void)[]];
  const crowd = new Crowd(
    () =>
      new Promise((resolve, reject) => {
        answers.push((answer) => {
          (answer instanceof Error ? reject : (resolve as (answer: unknown) => void))(answer);
        });
      }),
  );
  crowd.onChange((people) => {
    told.push(people.map(({ username, documents }) => [username, ...documents].join(" ")).join(", "));
  });
  return { crowd, told, answers };
}

void test("those who come are added, those who change stay where they are, and those who leave are removed", () => {
  const { crowd, told, answers } = crowdOf();
  crowd.hear({ list: "a", number: 4, people: [person("alice"), person("bob")] });
  crowd.take(change(4, [person("carol")]));
  crowd.take(change(5, [person("alice", "plan.txt")]));
  crowd.take(change(6, [person("dave")], ["bob"]));
  assert.deepEqual(told, [
    "alice, bob",
    "alice, bob, carol",
    "alice plan.txt, bob, carol",
    "alice plan.txt, carol, dave",
  ]);
  assert.equal(answers.length, 0);
});

void test("what the list has already is heard once", () => {
  const { crowd, told } = crowdOf();
  crowd.hear({ list: "a", number: 4, people: [person("alice")] });
  crowd.take(change(3, [person("bob")]));
  crowd.take({ list: "a", before: 4, number: 4, changed: [], gone: [] }); // as a page hears when it connects
  crowd.take(change(4, [person("carol")]));
  crowd.take(change(4, [person("carol")]));
  crowd.hear({ list: "a", number: 4, people: [person("alice")] }); // an older answer
  assert.deepEqual(told, ["alice", "alice, carol"]);
});

void test("changes that come before the list are not lost", () => {
  const { crowd, told } = crowdOf();
  crowd.take(change(3, [person("zoe")]));
  crowd.take(change(4, [person("bob")]));
  crowd.hear({ list: "a", number: 4, people: [person("alice")] });
  assert.deepEqual(told, ["alice", "alice, bob"]);
});

void test("a page that has missed changes asks for the list once, and keeps what comes meanwhile", async () => {
  const { crowd, told, answers } = crowdOf();
  crowd.hear({ list: "a", number: 1, people: [person("alice")] });
  crowd.take(change(2, [person("carol")]));
  crowd.take(change(3, [person("dave")]));
  assert.equal(answers.length, 1);
  answers[0]?.({ list: "a", number: 3, people: [person("alice"), person("bob"), person("carol")] });
  await settle();
  assert.deepEqual(told, ["alice", "alice, bob, carol", "alice, bob, carol, dave"]);
  assert.equal(answers.length, 1);
});

void test("a page that connects again, also to a server that has restarted, learns who is there", async () => {
  for (const news of [
    { list: "b", before: 0, number: 0, changed: [], gone: [] },
    { list: "a", before: 9, number: 9, changed: [], gone: [] },
  ]) {
    const { crowd, told, answers } = crowdOf();
    crowd.hear({ list: "a", number: 7, people: [person("alice"), person("bob")] });
    crowd.take(news);
    answers[0]?.({ list: news.list, number: news.number, people: [person("alice")] });
    await settle();
    crowd.take(change(news.number, [person("carol")], [], news.list));
    assert.deepEqual(told, ["alice, bob", "alice", "alice, carol"]);
    assert.equal(answers.length, 1);
  }
});

void test("if the server does not answer, the next change asks again", async () => {
  const { crowd, told, answers } = crowdOf();
  crowd.hear({ list: "a", number: 1, people: [] });
  crowd.take(change(5, [person("carol")]));
  answers[0]?.(new Error("away"));
  await settle();
  crowd.take(change(6, [person("dave")]));
  answers[1]?.({ list: "a", number: 6, people: [person("carol")] });
  await settle();
  assert.deepEqual(told, ["", "carol", "carol, dave"]);
});
