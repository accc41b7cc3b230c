// SPDX-License-Identifier: GPL-3.0-or-later
// Knows who is on this server: asks for the whole list once, and then hears what changes in it.
import type { ServiceManager } from "@jupyterlab/services";

import { askPlace } from "./request.ts";
import { type Change, onEvent, type Person, PRESENCE, type Presence } from "./server.ts";

export class Crowd {
  /** ask: gets the whole list. */
  constructor(ask: () => Promise<Presence>) {
    this.ask = ask;
  }

  /** Everyone who is here, in the order of their arrival. */
  get people(): Person[] {
    return [...this.known.values()];
  }

  /** Call `then` with everyone, whenever that changes. */
  onChange(then: (people: Person[]) => void): void {
    this.listeners.push(then);
  }

  /** Take in the whole list, as the server has answered. */
  hear({ list, number, people }: Presence): void {
    if (list === this.list && number < this.number) {
      return; // an answer that was on its way for longer than later changes
    }
    this.list = list;
    this.number = number;
    this.known = new Map(people.map((person) => [person.username, person]));
    this.tell();
    const early = this.early.filter((change) => change.list === list);
    this.early = [];
    for (const change of early) {
      this.take(change);
    }
  }

  /** Take in a change. If others are missing before it, ask for the whole list. */
  take(change: Change): void {
    const { list, before, number, changed, gone } = change;
    if (!this.list || this.isAsking) {
      this.early.push(change); // the list is on its way
    } else if (list !== this.list || before > this.number) {
      this.early.push(change);
      void this.askAgain();
    } else if (number > this.number) {
      this.number = number;
      for (const name of gone) {
        this.known.delete(name);
      }
      for (const person of changed) {
        this.known.set(person.username, person);
      }
      this.tell();
    }
  }

  private async askAgain(): Promise<void> {
    this.isAsking = true;
    let answer: Presence | undefined;
    try {
      answer = await this.ask();
    } catch (error) {
      console.warn("The server does not tell who is here", error); // the next change asks again
    }
    this.isAsking = false;
    if (answer) {
      this.hear(answer);
    }
  }

  private tell(): void {
    const { people } = this;
    for (const then of this.listeners) {
      then(people);
    }
  }

  private readonly ask: () => Promise<Presence>;
  private readonly listeners: ((people: Person[]) => void)[] = [];
  private known = new Map<string, Person>();
  private list = "";
  private number = 0;
  private early: Change[] = [];
  private isAsking = false;
}

const crowds = new WeakMap<ServiceManager.IManager, Crowd>();

/** Return the one that all plugins of a page share. The first list comes from the plugin that asks where the page is. */
export function crowdOf(services: ServiceManager.IManager): Crowd {
  let crowd = crowds.get(services);
  if (!crowd) {
    const made = (crowd = new Crowd(() => askPlace(services.serverSettings)));
    crowds.set(services, made);
    onEvent(services, PRESENCE, (change) => {
      made.take(change);
    });
  }
  return crowd;
}
