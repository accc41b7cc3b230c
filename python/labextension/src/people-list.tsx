// SPDX-License-Identifier: GPL-3.0-or-later
import type { TranslationBundle } from "@jupyterlab/translation";
import * as React from "react";

import type { Person } from "./server.ts";

/** A person's picture, or their initials on their color. Their name is beside it, or in the label of what contains it. */
export function Avatar({ person }: { person: Person }): React.JSX.Element {
  return (
    <span
      className="jp-CollabAvatar"
      title={person.name}
      style={{ backgroundColor: person.color }}
      aria-hidden
    >
      {person.avatar ? <img src={person.avatar} alt="" /> : person.initials}
    </span>
  );
}

/** What the list can do. */
export interface Actions {
  openDocument: (path: string) => void;
  showHistory: () => void;
  follow: (person: Person) => void;
  stop: () => void;
}

interface Props extends Actions {
  id: string;
  title: string;
  level: string;
  count: string;
  people: Person[];
  visitor: string;
  /** Whom the page follows. */
  followed: string | undefined;
  trans: TranslationBundle;
}

/** The list that the badge opens. The browser closes it at Escape, or when the visitor clicks elsewhere. */
export function PeopleList(props: Props): React.JSX.Element {
  const { id, trans } = props;
  return (
    <div id={id} className="jp-CollabPeople" role="dialog" aria-label={props.title} {...{ popover: "auto" }}>
      <h2>{props.title}</h2>
      {props.level && <p>{props.level}</p>}
      <h3>{props.count}</h3>
      <ul>
        {props.people.map((person) => (
          <li key={person.username}>
            <Avatar person={person} />
            <div>
              {person.username === props.visitor ? trans.__("%1 (you)", person.name) : person.name}
              {person.documents.map((path) => (
                <button
                  key={path}
                  type="button"
                  title={trans.__("Show %1", path)}
                  onClick={() => {
                    props.openDocument(path);
                  }}
                  {...{ popovertarget: id, popovertargetaction: "hide" }}
                >
                  {path}
                </button>
              ))}
            </div>
            {person.username !== props.visitor && <FollowButton person={person} {...props} />}
          </li>
        ))}
      </ul>
      <button
        type="button"
        className="jp-CollabPeople-history"
        onClick={props.showHistory}
        {...{ popovertarget: id, popovertargetaction: "hide" }}
      >
        {trans.__("History of this document")}
      </button>
    </div>
  );
}

function FollowButton({
  person,
  id,
  trans,
  followed,
  follow,
  stop,
}: Props & { person: Person }): React.JSX.Element {
  const isFollowed = person.username === followed;
  return (
    <button
      type="button"
      className="jp-CollabPeople-follow"
      aria-label={
        isFollowed ? trans.__("Stop following %1", person.name) : trans.__("Follow %1", person.name)
      }
      onClick={() => {
        if (isFollowed) {
          stop();
        } else {
          follow(person);
        }
      }}
      {...{ popovertarget: id, popovertargetaction: "hide" }}
    >
      {isFollowed ? trans.__("Stop") : trans.__("Follow")}
    </button>
  );
}
