// SPDX-License-Identifier: GPL-3.0-or-later
import type { TranslationBundle } from "@jupyterlab/translation";
import { historyIcon, ReactWidget } from "@jupyterlab/ui-components";
import * as React from "react";

import { type Choice, messageOf, nameOf, type Subject } from "./history-panel.tsx";
import type { PastCell, Version } from "./past.ts";

interface Doing {
  ask: (choice: Choice) => Promise<Version>;
  /** Show the document itself. */
  leave: (choice: Choice) => void;
  /** Restore the document after an update, or one of its cells. */
  restore: (choice: Choice, last: number, cell: string) => void;
}

const TAGS = { same: "span", added: "ins", removed: "del" } as const;

/** Shows what a document was, and what had changed there. It is text: nothing in it can be edited, and the document itself stays open. */
export class VersionView extends ReactWidget {
  constructor(doing: Doing, trans: TranslationBundle) {
    super();
    this.doing = doing;
    this.trans = trans;
    this.id = "jp-CollabVersion";
    this.addClass("jp-CollabVersion");
    this.title.icon = historyIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.choice) {
        event.stopPropagation();
        this.doing.leave(this.choice);
      }
    });
  }

  /** The document whose version is shown. */
  get subject(): Subject | undefined {
    return this.choice?.subject;
  }

  /** Ask for a version, and show it. Of those that are asked for at once, only the last one is shown. */
  async look(choice: Choice): Promise<void> {
    this.choice = choice;
    this.title.label = this.trans.__("%1 (earlier version)", nameOf(choice.subject.path));
    this.title.caption = choice.title;
    this.version = undefined;
    this.problem = "";
    this.update();
    if (this.isAsking) {
      return; // the loop below asks for it next
    }
    this.isAsking = true;
    try {
      let asked: Choice;
      do {
        asked = this.choice;
        try {
          this.version = await this.doing.ask(asked);
          this.problem = "";
        } catch (error) {
          this.problem = messageOf(error, this.trans);
        }
      } while (asked !== this.choice);
    } finally {
      this.isAsking = false;
    }
    this.update();
  }

  protected override onActivateRequest(): void {
    this.node.focus();
  }

  protected override render(): React.JSX.Element | null {
    const { choice, trans, version } = this;
    if (!choice) {
      return null;
    }
    const { last } = choice.point;
    return (
      <>
        <header>
          <p>
            <strong>{trans.__("%1 as it was: %2", nameOf(choice.subject.path), choice.title)}</strong>{" "}
            {trans.__("You cannot edit this earlier version.")}
          </p>
          <button
            type="button"
            onClick={() => {
              this.doing.leave(choice);
            }}
          >
            {trans.__("Back to the document")}
          </button>
          {version && this.restoreButton(choice, last, "", trans.__("Restore everything …"))}
        </header>
        <p role="status">{this.problem || (version ? "" : trans.__("Loading …"))}</p>
        {version && this.body(choice, version)}
      </>
    );
  }

  private body(choice: Choice, version: Version): React.JSX.Element {
    const { trans } = this;
    return (
      <>
        {version.is_cut && (
          <p>{trans.__("This version is too large to be shown completely. Restoring restores all of it.")}</p>
        )}
        {choice.subject.kind === "notebook" && (
          <p>{trans.__("Output is not shown here. It is restored with its cell.")}</p>
        )}
        {version.cells.map((cell, index) => (
          <section
            key={`${cell.id} ${String(index)}`}
            data-change={cell.change}
            aria-label={this.labelOf(cell, index)}
          >
            {cell.id && (
              <div>
                <span>{this.labelOf(cell, index)}</span>
                {this.restoreButton(
                  choice,
                  cell.change === "removed" ? choice.point.before : choice.point.last,
                  cell.id,
                  trans.__("Restore this cell …"),
                )}
              </div>
            )}
            <pre>
              {cell.parts.map(([what, text], part) => {
                const Tag = TAGS[what];
                return <Tag key={part}>{text}</Tag>;
              })}
            </pre>
          </section>
        ))}
      </>
    );
  }

  private restoreButton(choice: Choice, last: number, cell: string, label: string): React.JSX.Element {
    return (
      <button
        type="button"
        className="jp-CollabVersion-restore"
        onClick={() => {
          this.doing.restore(choice, last, cell);
        }}
      >
        {label}
      </button>
    );
  }

  private labelOf({ id, change }: PastCell, index: number): string {
    const { trans } = this;
    if (!id) {
      return trans.__("Text");
    }
    const number = index + 1;
    switch (change) {
      case "added":
        return trans.__("Cell %1, added", number);
      case "removed":
        return trans.__("Cell %1, removed", number);
      case "changed":
        return trans.__("Cell %1, changed", number);
      case "same":
        return trans.__("Cell %1", number);
    }
  }

  private readonly doing: Doing;
  private readonly trans: TranslationBundle;
  private choice: Choice | undefined;
  private version: Version | undefined;
  private problem = "";
  private isAsking = false;
}
