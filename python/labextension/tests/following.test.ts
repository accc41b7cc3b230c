// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import * as Y from "yjs";

import { type Awareness, cursorIn, type Place, type State } from "../src/awareness.ts";
import { Following, type Page } from "../src/following.ts";
import { textAt } from "../src/places.ts";
import type { Person } from "../src/server.ts";

const ALICE: Person = {
  username: "alice",
  name: "Alice",
  initials: "A",
  color: "#fff",
  avatar: "",
  documents: ["one.ipynb", "two.txt"],
  level: "edit",
};

/** Awareness as Yjs's, of tabs that tests name by numbers. */
class FakeAwareness implements Awareness {
  states = new Map<number, State>();
  listeners = new Set<(change: { added: number[]; updated: number[] }) => void>();
  getStates = (): ReadonlyMap<number, State> => this.states;
  on = (_name: string, listener: (change: { added: number[]; updated: number[] }) => void): void => {
    this.listeners.add(listener);
  };
  off = (_name: string, listener: (change: { added: number[]; updated: number[] }) => void): void => {
    this.listeners.delete(listener);
  };
  tell(tab: number, state: State): void {
    this.states.set(tab, state);
    for (const listener of this.listeners) {
      listener({ added: [], updated: [tab] });
    }
  }
}

class FakePage implements Page {
  pages = new FakeAwareness();
  documents = new Map<string, FakeAwareness>();
  seen: string[] = [];
  /** What `show` waits for. */
  pause = Promise.resolve();
  ofPages = (): Promise<Awareness | undefined> => Promise.resolve(this.pages);
  localPath = (path: string): string => path.replace("RTC:", "");
  show = async (path: string, isWanted: () => boolean): Promise<Awareness | undefined> => {
    await this.pause;
    if (isWanted()) {
      this.seen.push(path);
    }
    const awareness = this.documents.get(path) ?? new FakeAwareness();
    this.documents.set(path, awareness);
    return awareness;
  };
  reveal = (path: string, place: Place): Promise<void> => {
    this.seen.push(`${path} ${JSON.stringify(place)}`);
    return Promise.resolve();
  };
}

const user = { username: "alice" };
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function key(name: string, inside = ""): Event {
  const target = { closest: (selector: string) => (inside && selector.includes(inside) ? target : null) };
  const event = Object.assign(new Event("keydown"), { key: name });
  Object.defineProperty(event, "target", { get: () => target });
  return event;
}

async function followed(
  current: unknown = "notebook:RTC:one.ipynb",
): Promise<{ page: FakePage; target: EventTarget; following: Following; told: (string | undefined)[] }> {
  const [page, target, told] = [new FakePage(), new EventTarget(), [] as (string | undefined)[]];
  page.pages.states.set(1, { user, current });
  const following = new Following(page, target, (person) => told.push(person?.name));
  following.start(ALICE);
  await settle();
  return { page, target, following, told };
}

void test("a page follows a person across documents, and within them", async () => {
  const { page, told } = await followed();
  page.documents.get("one.ipynb")?.tell(7, { user, cursors: [{ head: { item: 1 } }] });
  page.documents.get("one.ipynb")?.tell(8, { user: { username: "bob" }, cursors: [{ head: { item: 9 } }] });
  page.pages.tell(1, { user, current: "editor:RTC:two.txt" });
  await settle();
  page.documents.get("one.ipynb")?.tell(7, { user, cursors: [{ head: { item: 2 } }] });
  page.documents.get("two.txt")?.tell(7, { user, cursors: [{ head: { item: 3 } }] });
  assert.deepEqual(page.seen, ["one.ipynb", 'one.ipynb {"item":1}', "two.txt", 'two.txt {"item":3}']);
  assert.deepEqual(told, ["Alice"]);
});

void test("of a person's tabs, the one counts in which they are active", async () => {
  const { page } = await followed();
  page.pages.tell(2, { user, current: "editor:RTC:two.txt" });
  page.pages.tell(3, { user: { username: "bob" }, current: "notebook:RTC:one.ipynb" });
  await settle();
  assert.deepEqual(page.seen, ["one.ipynb", "two.txt"]);
});

void test("only documents count that the server knows the person has open", async () => {
  for (const current of ["notebook:RTC:secret.ipynb", "notebook:../x", null, 5]) {
    const { page, following } = await followed(current);
    assert.deepEqual(page.seen, [], String(current));
    following.setPeople([{ ...ALICE, documents: ["secret.ipynb"] }]);
    await settle();
    assert.deepEqual(page.seen, current === "notebook:RTC:secret.ipynb" ? ["secret.ipynb"] : []);
  }
});

void test("whatever the visitor does ends it", async () => {
  const wheel = new Event("wheel");
  for (const event of [key("a"), key("Escape"), key("ArrowDown"), new Event("pointerdown"), wheel]) {
    const { page, target, following, told } = await followed();
    target.dispatchEvent(event);
    assert.equal(following.person, undefined);
    page.pages.tell(1, { user, current: "editor:RTC:two.txt" });
    page.documents.get("one.ipynb")?.tell(7, { user, cursors: [{ head: { item: 1 } }] });
    await settle();
    assert.deepEqual(page.seen, ["one.ipynb"]);
    assert.deepEqual(told, ["Alice", undefined]);
    assert.equal(page.pages.listeners.size + (page.documents.get("one.ipynb")?.listeners.size ?? 0), 0);
  }
});

void test("keys that do nothing, and the buttons for it, do not end it; Escape does", async () => {
  const { target, following } = await followed();
  for (const event of [
    key("Shift"),
    key("Tab"),
    key("Enter", ".jp-CollabFollow"),
    key("a", ".jp-CollabPeople"),
  ]) {
    target.dispatchEvent(event);
    assert.equal(following.person?.name, "Alice");
  }
  target.dispatchEvent(key("Escape", ".jp-CollabFollow"));
  assert.equal(following.person, undefined);
});

void test("a document that opens late is not shown to someone who types by then", async () => {
  const { page, target } = await followed("notebook:RTC:none");
  page.pause = settle();
  page.pages.tell(1, { user, current: "editor:RTC:two.txt" });
  target.dispatchEvent(key("a"));
  await settle();
  await settle();
  assert.deepEqual(page.seen, []);
});

void test("documents do not get the focus, unless the visitor goes there by Tab", async () => {
  const { target, following } = await followed();
  let blurred = 0;
  const element = {
    closest: (selector: string) => (selector === ".jp-Document" ? element : null),
    blur: () => (blurred += 1),
  };
  const focus = (): Event => Object.defineProperty(new Event("focusin"), "target", { get: () => element });
  target.dispatchEvent(focus());
  assert.equal(blurred, 1);
  assert.ok(following.person);
  target.dispatchEvent(key("Tab"));
  target.dispatchEvent(focus());
  assert.equal(blurred, 1);
  assert.equal(following.person, undefined);
});

void test("it ends when the person leaves", async () => {
  const { following, told } = await followed();
  following.setPeople([{ ...ALICE, username: "bob" }]);
  assert.deepEqual(told, ["Alice", undefined]);
});

void test("the primary cursor counts, and nothing that is no cursor", () => {
  assert.deepEqual(cursorIn({ cursors: [{ head: { item: 1 } }, { head: { item: 2 }, primary: true }] }), {
    item: 2,
  });
  for (const cursors of [undefined, "x", [], [null], [{}], [{ head: "x" }], { length: 1 }]) {
    assert.equal(cursorIn({ cursors }), undefined);
  }
});

void test("a place is found in the cell that it is in, and nowhere if it is made up", async () => {
  const ydoc = new Y.Doc();
  const cells = ydoc.getArray<Y.Map<Y.Text>>("cells");
  cells.push([new Y.Map([["source", new Y.Text("one")]]), new Y.Map([["source", new Y.Text("two")]])]);
  const text = cells.get(1).get("source");
  assert.ok(text);
  const place = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, 2)) as Place;
  const found = await textAt(ydoc, place);
  assert.equal(found?.type, text);
  assert.equal(found.index, 2);
  for (const bad of [
    { item: { client: 1, clock: 5 } },
    { item: "x" },
    { type: { client: -1, clock: 2 } },
    {},
  ]) {
    assert.equal(await textAt(ydoc, bad), undefined);
  }
});
