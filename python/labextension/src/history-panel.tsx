// SPDX-License-Identifier: GPL-3.0-or-later
import type { TranslationBundle } from "@jupyterlab/translation";
import { historyIcon, ReactWidget } from "@jupyterlab/ui-components";
import * as React from "react";

import type { Author, Kind, Past, Point, Sitting } from "./past.ts";
import { Avatar } from "./people-list.tsx";
import { rangeText, timeText } from "./times.ts";

/** A document whose history can be shown. */
export interface Subject {
  path: string;
  kind: Kind;
}

/** A version to show: what it is called, and where it is. */
export interface Choice {
  subject: Subject;
  point: Point;
  title: string;
}

interface Doing {
  /** Return the current document, or undefined if it has no history. */
  current: () => Subject | undefined;
  ask: (subject: Subject) => Promise<Past>;
  show: (choice: Choice) => void;
}

/** A list of who changed the current document, and when. Each entry shows the document as it was then. */
export class HistoryPanel extends ReactWidget {
  constructor(doing: Doing, trans: TranslationBundle) {
    super();
    this.doing = doing;
    this.trans = trans;
    this.id = "jp-CollabHistory";
    this.addClass("jp-CollabHistory");
    this.title.icon = historyIcon;
    this.title.caption = trans.__("History");
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", trans.__("History"));
    this.node.tabIndex = -1;
  }

  /** Ask for the history of the current document, if the panel is visible. */
  async refresh(): Promise<void> {
    if (!this.isVisible) {
      return;
    }
    const subject = this.doing.current();
    const number = ++this.asked;
    if (subject?.path !== this.subject?.path || subject?.kind !== this.subject?.kind) {
      this.past = undefined;
    }
    this.subject = subject;
    this.problem = "";
    this.update();
    try {
      const past = subject && (await this.doing.ask(subject));
      if (number === this.asked) {
        this.past = past;
      }
    } catch (error) {
      if (number === this.asked) {
        this.problem = messageOf(error, this.trans);
      }
    }
    this.update();
  }

  protected override onAfterShow(): void {
    void this.refresh();
  }

  protected override onActivateRequest(): void {
    (this.node.querySelector("button") ?? this.node).focus();
  }

  protected override render(): React.JSX.Element {
    const { subject, trans } = this;
    if (!subject) {
      return <p>{trans.__("Open a notebook or a text file to see its history.")}</p>;
    }
    return (
      <>
        <h2>{trans.__("History of %1", nameOf(subject.path))}</h2>
        <button
          type="button"
          onClick={() => {
            void this.refresh();
          }}
        >
          {trans.__("Refresh")}
        </button>
        <p role="status">{this.problem || (this.past ? "" : trans.__("Loading …"))}</p>
        {this.past && this.list(subject, this.past)}
      </>
    );
  }

  private list(subject: Subject, past: Past): React.JSX.Element {
    const { trans } = this;
    if (past.sittings.length === 0) {
      return <p>{trans.__("Nobody has changed this document since its history began.")}</p>;
    }
    return (
      <>
        <p>{trans.__("Choose a time to see what the document was then. This changes nothing.")}</p>
        <ul>
          {past.sittings.map((sitting) => (
            <li key={sitting.last}>{this.entry(subject, past, sitting)}</li>
          ))}
          <li>
            {past.has_more
              ? trans.__("Earlier changes are not listed.")
              : this.button(
                  { subject, point: { before: past.first, last: past.first }, title: timeText(past.began) },
                  trans.__("The history begins"),
                )}
          </li>
        </ul>
      </>
    );
  }

  private entry(subject: Subject, past: Past, sitting: Sitting): React.JSX.Element {
    const people = sitting.people.map((name) => past.people[name]).filter((each) => each !== undefined);
    const { before, last, changes, began, ended } = sitting;
    const choice = { subject, point: { before, last }, title: rangeText(began, ended) };
    const count = this.trans._n("%1 change", "%1 changes", changes, changes);
    return this.button(choice, `${people.map((each) => each.name).join(", ")} · ${count}`, people);
  }

  private button(choice: Choice, text: string, people: Author[] = []): React.JSX.Element {
    const { last } = choice.point;
    return (
      <button
        type="button"
        aria-pressed={this.chosen === last}
        onClick={() => {
          this.chosen = last;
          this.update();
          this.doing.show(choice);
        }}
      >
        <strong>{choice.title}</strong>
        <span>
          {people.map((person) => (
            <Avatar key={person.username} person={{ ...person, avatar: "", documents: [], level: "edit" }} />
          ))}
          {text}
        </span>
      </button>
    );
  }

  private readonly doing: Doing;
  private readonly trans: TranslationBundle;
  private subject: Subject | undefined;
  private past: Past | undefined;
  private problem = "";
  private chosen = 0;
  private asked = 0;
}

/** Return the name of the file at a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Return what an error says. Those of the server (`looking_back.py`) can be translated. */
export function messageOf(error: unknown, trans: TranslationBundle): string {
  return trans.__(error instanceof Error ? error.message : String(error));
}
