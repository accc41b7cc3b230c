// SPDX-License-Identifier: GPL-3.0-or-later
// What changes when people come and go.
import type { Level, Person } from "./server.ts";

/** Return the names of people who are in one list and not in the other, without the visitor's own. */
export function missing(from: readonly Person[], other: readonly Person[], visitor: string): string[] {
  const there = new Set(other.map((person) => person.username));
  return from
    .filter((person) => person.username !== visitor && !there.has(person.username))
    .map((person) => person.name);
}

/** Return the people with the visitor at the end: others are news. */
export function othersFirst(people: readonly Person[], visitor: string): Person[] {
  const isVisitor = (person: Person): boolean => person.username === visitor;
  return [...people.filter((person) => !isVisitor(person)), ...people.filter(isVisitor)];
}

/** Return what the visitor can do, or undefined if they are not in the list. */
export function levelOf(people: readonly Person[], visitor: string): Level | undefined {
  return people.find((person) => person.username === visitor)?.level;
}
