// SPDX-License-Identifier: GPL-3.0-or-later
// What people's pages tell each other: where they are. Each page says so itself, so it is only a hint.
import type { JupyterFrontEnd } from "@jupyterlab/application";

/** A position in a text of a shared document, as Yjs writes it down. */
export type Place = Record<string, unknown>;

/** What one tab of a person tells. A document's awareness has cursors, that of all pages the current document. */
export interface State {
  user?: { username?: unknown };
  current?: unknown;
  cursors?: unknown;
}

interface Change {
  added: number[];
  updated: number[];
}

/** What this extension uses of Yjs's awareness. */
export interface Awareness {
  getStates: () => ReadonlyMap<number, State>;
  on: (event: "change", listener: (change: Change) => void) => void;
  off: (event: "change", listener: (change: Change) => void) => void;
}

/** Watches one person's tabs. Of several, the one counts that has told something last. */
export class Watched {
  constructor(awareness: Awareness, username: string, then: () => void) {
    this.awareness = awareness;
    this.username = username;
    this.then = then;
    awareness.on("change", this.onChange);
  }

  /** What the person tells; undefined if nothing is known. */
  get state(): State | undefined {
    const states = this.awareness.getStates();
    const last = states.get(this.tab);
    return this.isTheirs(last) ? last : [...states.values()].find((state) => this.isTheirs(state));
  }

  dispose(): void {
    this.awareness.off("change", this.onChange);
  }

  private readonly onChange = ({ added, updated }: Change): void => {
    const states = this.awareness.getStates();
    const tab = [...added, ...updated].filter((each) => this.isTheirs(states.get(each))).at(-1);
    if (tab !== undefined) {
      this.tab = tab;
      this.then();
    }
  };

  private isTheirs(state: State | undefined): boolean {
    return state?.user?.username === this.username;
  }

  private readonly awareness: Awareness;
  private readonly username: string;
  private readonly then: () => void;
  private tab = -1;
}

/** Return the awareness of all pages of this server; undefined if jupyter-collaboration does not have it. */
export async function awarenessOfPages(app: JupyterFrontEnd): Promise<Awareness | undefined> {
  try {
    const { IGlobalAwareness } = await import("@jupyter/collaborative-drive");
    const found = IGlobalAwareness && (await app.resolveOptionalService(IGlobalAwareness));
    return (found as Awareness | null | undefined) ?? undefined;
  } catch (error) {
    console.warn("jupyter-collaboration does not tell who is in which document", error);
    return undefined;
  }
}

/** Return the position of a person's cursor; undefined if there is none. */
export function cursorIn(state: State | undefined): Place | undefined {
  const cursors: unknown[] = Array.isArray(state?.cursors) ? state.cursors : [];
  const all = cursors.filter((each): each is { head: Place; primary?: unknown } => hasHead(each));
  return (all.find(({ primary }) => primary) ?? all[0])?.head;
}

function hasHead(cursor: unknown): boolean {
  const head: unknown = (cursor as { head?: unknown } | null)?.head;
  return typeof head === "object" && head !== null;
}
