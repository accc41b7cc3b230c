// SPDX-License-Identifier: GPL-3.0-or-later
import { Dialog } from "@jupyterlab/apputils";
import type { TranslationBundle } from "@jupyterlab/translation";
import { ReactWidget } from "@jupyterlab/ui-components";
import * as React from "react";

/** What is shared, and what people may do there who use the link. The level is empty if the hub's page decides. */
export interface Choice {
  what: "document" | "server";
  level: Level | "";
}
export type Level = "view" | "edit";

/** The levels that a link can give on this hub, and the one that it gives unless its creator chooses. */
export interface Levels {
  levels: Level[];
  level: Level;
}

/** The body of the dialog. */
export class Choices extends ReactWidget implements Dialog.IBodyWidget<Choice> {
  constructor(path: string, levels: Levels | undefined, trans: TranslationBundle) {
    super();
    this.path = path;
    this.levels = levels?.levels ?? [];
    this.trans = trans;
    const isOffered = levels?.levels.includes(levels.level);
    this.choice = {
      what: path ? "document" : "server",
      level: (isOffered ? levels?.level : this.levels[0]) ?? "",
    };
    this.addClass("jp-CollabShare");
  }

  getValue(): Choice {
    return this.choice;
  }

  protected override render(): React.JSX.Element {
    const { trans, path } = this;
    return (
      <>
        <fieldset>
          <legend>{trans.__("A link to")}</legend>
          {path && this.radio("what", "document", path)}
          {this.radio("what", "server", trans.__("this server"))}
        </fieldset>
        {this.levels.length > 0 && (
          <fieldset>
            <legend>{trans.__("Anyone who accepts a sharing link")}</legend>
            {this.levels.map((level) =>
              this.radio("level", level, level === "view" ? trans.__("can view") : trans.__("can edit")),
            )}
          </fieldset>
        )}
        <p>
          {trans.__(
            "Others need a sharing link to get access to your server, with all its files. People who already have access can use a copied link.",
          )}
        </p>
      </>
    );
  }

  private radio<Name extends keyof Choice>(
    name: Name,
    value: Choice[Name],
    label: string,
  ): React.JSX.Element {
    return (
      <label key={value}>
        <input
          type="radio"
          name={`jp-collab-share-${name}`}
          value={value}
          defaultChecked={value === this.choice[name]}
          onChange={() => {
            this.choice[name] = value;
          }}
        />
        {label}
      </label>
    );
  }

  private readonly path: string;
  private readonly levels: Level[];
  private readonly trans: TranslationBundle;
  private readonly choice: Choice;
}

/** Return the dialog's buttons. */
export function buttonsFor(trans: TranslationBundle): Dialog.IButton[] {
  return [
    Dialog.cancelButton({ label: trans.__("Cancel") }),
    Dialog.createButton({ label: trans.__("Copy link"), actions: ["copy"] }),
    Dialog.okButton({
      label: trans.__("Create sharing link"),
      caption: trans.__("Opens the hub's sharing page in a new tab"),
    }),
  ];
}
