// SPDX-License-Identifier: GPL-3.0-or-later
import { Dialog } from "@jupyterlab/apputils";
import type { TranslationBundle } from "@jupyterlab/translation";
import { ReactWidget } from "@jupyterlab/ui-components";
import * as React from "react";

/** What is shared. */
export type Choice = "document" | "server";

/** The body of the dialog. An access level would be another group of choices. */
export class Choices extends ReactWidget implements Dialog.IBodyWidget<Choice> {
  constructor(path: string, trans: TranslationBundle) {
    super();
    this.path = path;
    this.trans = trans;
    this.choice = path ? "document" : "server";
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
          {path && this.radio("document", path)}
          {this.radio("server", trans.__("this server"))}
        </fieldset>
        <p>
          {trans.__(
            "Others need a sharing link to get access to your server, with all its files. People who already have access can use a copied link.",
          )}
        </p>
      </>
    );
  }

  private radio(choice: Choice, label: string): React.JSX.Element {
    return (
      <label>
        <input
          type="radio"
          name="jp-collab-share"
          value={choice}
          defaultChecked={choice === this.choice}
          onChange={() => {
            this.choice = choice;
          }}
        />
        {label}
      </label>
    );
  }

  private readonly path: string;
  private readonly trans: TranslationBundle;
  private choice: Choice;
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
