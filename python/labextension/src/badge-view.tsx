// SPDX-License-Identifier: GPL-3.0-or-later
import type { TranslationBundle } from "@jupyterlab/translation";
import { ReactWidget } from "@jupyterlab/ui-components";
import * as React from "react";
import { createPortal } from "react-dom";

import { FollowLine } from "./follow-view.tsx";
import { newsOfLevel } from "./news.ts";
import { type Actions, Avatar, PeopleList } from "./people-list.tsx";
import { levelOf, missing, othersFirst } from "./people.ts";
import type { Person, Place } from "./server.ts";
import { leadTo } from "./top-bar.ts";

/** How many people the badge shows. The list shows everyone. */
const MOST = 4;
/** How long the badge says that someone came or left instead of its title, in milliseconds. */
const BRIEFLY = 6000;
/** How many people it names when they come or leave at once. */
const MOST_NAMED = 3;
const LIST = "jp-CollabPeople";

function lead(button: HTMLButtonElement | null): void {
  // The toolbar looks at its parts a moment later, too.
  requestAnimationFrame(() => {
    if (button) {
      leadTo(button);
    }
  });
}

/** A button that says whose server this is, and who is here. It opens the list of people and their documents. */
export class Badge extends ReactWidget {
  constructor(trans: TranslationBundle, actions: Actions) {
    super();
    this.trans = trans;
    this.actions = actions;
    this.addClass("jp-CollabBadge");
    this.hide();
  }

  /** Say where this page is. Until then, there is nothing to show. */
  setPlace(place: Place): void {
    this.place = place;
    this.show();
    this.update();
  }

  setPeople(people: Person[]): void {
    if (!this.place) {
      return;
    }
    const { people: before, username } = this.place;
    const came = missing(people, before, username);
    const left = missing(before, people, username);
    this.place = { ...this.place, people, level: levelOf(people, username) ?? this.place.level };
    this.tell([
      ...(came.length > MOST_NAMED
        ? [this.trans.__("%1 more people are here", came.length)]
        : came.map((name) => this.trans.__("%1 is here", name))),
      ...(left.length > MOST_NAMED
        ? [this.trans.__("%1 people have left", left.length)]
        : left.map((name) => this.trans.__("%1 has left", name))),
    ]);
    this.update();
  }

  /** Say whom this page follows. */
  setFollowed(person: Person | undefined): void {
    this.followed = person;
    this.update();
  }

  /** Open the list, or close it. */
  toggle(): void {
    document.getElementById(LIST)?.togglePopover();
  }

  protected override render(): React.JSX.Element | null {
    if (!this.place) {
      return null;
    }
    const people = othersFirst(this.place.people, this.place.username);
    const title = this.titleOf(this.place);
    const count = this.trans._n("%1 person here", "%1 people here", people.length, people.length);
    return (
      <>
        <button ref={lead} type="button" aria-label={`${title}. ${count}`} {...{ popovertarget: LIST }}>
          <span className="jp-CollabBadge-title">{this.news || title}</span>
          {people.slice(0, MOST).map((person) => (
            <Avatar key={person.username} person={person} />
          ))}
          {people.length > MOST && <span>+{people.length - MOST}</span>}
        </button>
        {/* For screen readers, which the label of the button would not interrupt */}
        <span role="status">
          {this.news || (this.followed && this.trans.__("Following %1", this.followed.name))}
        </span>
        {/* Outside of the top bar, which keeps Tab for itself */}
        {createPortal(
          <PeopleList
            id={LIST}
            title={title}
            level={this.levelText(this.place)}
            count={count}
            people={people}
            visitor={this.place.username}
            followed={this.followed?.username}
            trans={this.trans}
            {...this.actions}
          />,
          document.body,
        )}
        {this.followed &&
          createPortal(
            <FollowLine person={this.followed} trans={this.trans} stop={this.actions.stop} />,
            document.body,
          )}
      </>
    );
  }

  /** Say something for a moment, without taking the focus. */
  private tell(news: string[]): void {
    if (news.length > 0) {
      clearTimeout(this.timer);
      this.news = news.join(", ");
      this.timer = setTimeout(() => {
        this.news = "";
        this.update();
      }, BRIEFLY);
    }
  }

  private titleOf({ owner, server, username }: Place): string {
    if (owner === username) {
      return server ? this.trans.__("Your server %1", server) : this.trans.__("Your server");
    }
    return server ? this.trans.__("%1's server %2", owner, server) : this.trans.__("%1's server", owner);
  }

  private levelText(place: Place): string {
    const { owner, username, level, shared } = place;
    if (owner === username) {
      return shared ? this.trans.__("Others can open your server.") : "";
    }
    if (level === "view") {
      return newsOfLevel(place, this.trans).text;
    }
    return level === "manage"
      ? this.trans.__("You can edit and run everything here, and stop this server.")
      : this.trans.__("You can edit and run everything here, but not stop this server.");
  }

  private readonly trans: TranslationBundle;
  private readonly actions: Actions;
  private followed: Person | undefined;
  private place: Place | undefined;
  private news = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
}
