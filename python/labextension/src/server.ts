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

/** What someone can do here. Who can manage a server can also stop it. */
export type Level = "view" | "edit" | "manage";

/** Someone who is on this server (`presence.py`). */
export interface Person {
  /** The name at the hub. */
  username: string;
  /** The name to show. */
  name: string;
  initials: string;
  /** A color in CSS notation, light enough for black letters. */
  color: string;
  /** The URL of a picture, or empty. */
  avatar: string;
  /** The paths of the person's open documents, without a drive. */
  documents: string[];
  level: Level;
}

/** The list of everyone who is here. */
export interface Presence {
  /** Which list it is. A server that restarts begins another one. */
  list: string;
  /** Each change has a number. This is that of the last one in the list. */
  number: number;
  people: Person[];
}

/** A change of that list. */
export interface Change {
  list: string;
  /** The number of the list that it changes. */
  before: number;
  number: number;
  /** Those who have come, and those of whom something has changed. */
  changed: Person[];
  /** The usernames of those who have left. */
  gone: string[];
}

/** What a page is told about where it is. */
export interface Place extends Presence {
  owner: string;
  /** The name of the server, empty for a default server. */
  server: string;
  /** Whether others can open it without its owner doing anything. */
  shared: boolean;
  /** The visitor. */
  username: string;
  /** What the visitor can do. */
  level: Level;
}

/** Why this page is about to be disconnected (`farewell.py`). */
export interface Farewell {
  reason: "ended" | "stopping";
}

export const FAREWELL = "https://collab-jupyterhub.invalid/farewell/v1";
export const NOTICE = "https://collab-jupyterhub.invalid/document/v1";
export const PRESENCE = "https://collab-jupyterhub.invalid/presence/v2";

/** What the events of each schema contain. */
interface Events {
  [FAREWELL]: Farewell;
  [NOTICE]: Notice;
  [PRESENCE]: Change;
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
