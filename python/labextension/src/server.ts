// SPDX-License-Identifier: GPL-3.0-or-later
// What the server tells pages. All plugins get it here.
import type { ServiceManager } from "@jupyterlab/services";

/** A notice about a document (`notices.py`). */
export interface Notice {
  /** The same ID again means the same notice: the server repeats those that matter. */
  id: string;
  /** The path of the document, without a drive. Empty if the notice is for everyone. */
  path: string;
  level: "info" | "warning" | "error";
  message: string;
  /** The message with fields for `values`, to translate it. */
  form?: string;
  values?: Record<string, string>;
}

export const NOTICE = "https://collab-jupyterhub.invalid/document/v1";

/** What the events of each schema contain. */
interface Events {
  [NOTICE]: Notice;
}

/** Call `then` with each event of a schema. It costs nothing until there is one. */
export function onEvent<Schema extends keyof Events>(
  services: ServiceManager.IManager,
  schema: Schema,
  then: (event: Events[Schema]) => void,
): void {
  services.events.stream.connect((_, event) => {
    if (event.schema_id === schema) {
      then(event as unknown as Events[Schema]);
    }
  });
}
