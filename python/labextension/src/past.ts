// SPDX-License-Identifier: GPL-3.0-or-later
// What the server tells of a document's history (`looking_back.py`).
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

/** A type of documents that has a history. */
export type Kind = "notebook" | "file";

/** A person as the history knows them. */
export interface Author {
  username: string;
  name: string;
  initials: string;
  color: string;
}

/** A stretch of time in which people typed without a long pause. Updates are named by their numbers, times are in seconds. */
export interface Sitting {
  before: number;
  first: number;
  last: number;
  began: number;
  ended: number;
  changes: number;
  people: string[];
}

/** The history of a document, the latest sitting first. */
export interface Past {
  /** The update with which the history begins, 0 if there is none. */
  first: number;
  began: number;
  sittings: Sitting[];
  /** Whether there are earlier sittings. */
  has_more: boolean;
  people: Record<string, Author>;
}

export type What = "same" | "added" | "removed";

/** A cell of a version, or the whole text of a file. */
export interface PastCell {
  /** Empty for the text of a file. */
  id: string;
  type: string;
  change: What | "changed";
  parts: [What, string][];
}

export interface Version {
  cells: PastCell[];
  /** Whether it is too large to be shown completely. */
  is_cut: boolean;
}

/** A version to look at: the document after update `last`, with the changes since update `before`. */
export interface Point {
  before: number;
  last: number;
}

/** An update that restores a version, and the state vector of the document that it changes. */
export interface Restoring {
  state: Uint8Array;
  update: Uint8Array;
}

/** Asks the server for the history of documents. */
export class History {
  constructor(settings: ServerConnection.ISettings) {
    this.settings = settings;
  }

  async past(path: string, kind: Kind): Promise<Past> {
    return (await (await this.ask(path, { type: kind })).json()) as Past;
  }

  async version(path: string, kind: Kind, { before, last }: Point): Promise<Version> {
    const asked = { type: kind, before: String(before), last: String(last) };
    return (await (await this.ask(path, asked)).json()) as Version;
  }

  /** Return what restores a version, or one cell of it. cell: its ID, or empty for all of the document. */
  async restoring(path: string, kind: Kind, last: number, cell: string): Promise<Restoring> {
    const body = JSON.stringify({ type: kind, last, cell });
    return divided(await (await this.ask(path, {}, { method: "POST", body })).arrayBuffer());
  }

  private async ask(path: string, asked: Record<string, string>, init: RequestInit = {}): Promise<Response> {
    const place = path.split("/").map(encodeURIComponent);
    const url = URLExt.join(this.settings.baseUrl, "api/collaboration-history", ...place);
    const query = new URLSearchParams(asked).toString();
    const response = await ServerConnection.makeRequest(query ? `${url}?${query}` : url, init, this.settings);
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return response;
  }

  private readonly settings: ServerConnection.ISettings;
}

/** Divide the server's answer: the length of the state vector in four bytes, the state vector, and the update. */
export function divided(answer: ArrayBuffer): Restoring {
  const length = new DataView(answer).getUint32(0);
  return { state: new Uint8Array(answer, 4, length), update: new Uint8Array(answer, 4 + length) };
}
