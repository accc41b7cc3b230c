// SPDX-License-Identifier: GPL-3.0-or-later
// Follows one person through documents, until the visitor does something themselves.
import { type Awareness, cursorIn, type Place, Watched } from "./awareness.ts";
import type { Person } from "./server.ts";

/** What following needs of the page. */
export interface Page {
  /** Return the awareness of all pages; undefined if there is none. */
  ofPages: () => Promise<Awareness | undefined>;
  /** Return the path that a page tells as its current document, without a drive. */
  localPath: (current: string) => string;
  /** Show a document if `isWanted` is still true then, without giving it the focus. Return its awareness. */
  show: (path: string, isWanted: () => boolean) => Promise<Awareness | undefined>;
  /** Scroll to a place in a document that is shown, if `isWanted` is still true then. */
  reveal: (path: string, place: Place, isWanted: () => boolean) => Promise<void>;
}

/** Keys that do nothing alone, and Tab, with which the button is reached that ends following. */
const QUIET = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "Tab"]);
/** What says whom the page follows. Using it does not end following. */
const OWN = ".jp-CollabFollow, .jp-CollabPeople, .jp-CollabBadge";
const DOCUMENT = ".jp-Document";

export class Following {
  constructor(page: Page, target: EventTarget, changed: (person: Person | undefined) => void) {
    this.page = page;
    this.target = target;
    this.changed = changed;
  }

  /** Whom this page follows. */
  get person(): Person | undefined {
    return this._person;
  }

  /** Follow a person: where they are now, and wherever they go. */
  start(person: Person): void {
    this.stop();
    const stay = new AbortController();
    this.going = stay;
    this._person = person;
    for (const name of ["keydown", "pointerdown", "wheel"]) {
      this.target.addEventListener(name, this.onInput, { capture: true, passive: true, signal: stay.signal });
    }
    this.target.addEventListener("focusin", this.onFocus, { capture: true, signal: stay.signal });
    this.leave((this.target as Partial<Document>).activeElement);
    this.changed(person);
    void this.page.ofPages().then((awareness) => {
      if (awareness && !stay.signal.aborted) {
        const watched = new Watched(awareness, person.username, () => {
          this.go();
        });
        this.current = watched;
        stay.signal.addEventListener("abort", () => {
          watched.dispose();
        });
      }
      this.go();
    });
  }

  stop(): void {
    if (!this._person) {
      return;
    }
    this.going?.abort();
    this.cursor?.dispose();
    this.current = this.cursor = this._person = undefined;
    this.path = "";
    this.changed(undefined);
  }

  /** Take note of who is here, in which documents. */
  setPeople(people: readonly Person[]): void {
    const { _person: before } = this;
    const now = people.find((each) => each.username === before?.username);
    if (before && !now) {
      this.stop();
    } else if (now) {
      this._person = now;
      this.go();
    }
  }

  /** Show the document in which the person is. The server must say that they have it open: a page could tell anything. */
  private go(): void {
    const { going, _person: person } = this;
    if (!person || !going) {
      return;
    }
    const told = this.current?.state?.current;
    const current = typeof told === "string" ? this.page.localPath(told.slice(told.indexOf(":") + 1)) : "";
    const only = this.current?.state ? [] : person.documents;
    const path = person.documents.find((each) => each === current) ?? (only.length === 1 ? only[0] : "");
    if (!path || path === this.path) {
      return;
    }
    this.path = path;
    this.cursor?.dispose();
    this.cursor = undefined;
    const isWanted = (): boolean => !going.signal.aborted && this.path === path;
    this.page
      .show(path, isWanted)
      .then((awareness) => {
        if (awareness && isWanted()) {
          const cursor = new Watched(awareness, person.username, () => {
            this.reveal(cursor, path, isWanted);
          });
          this.cursor = cursor;
          this.reveal(cursor, path, isWanted);
        }
      })
      .catch((error: unknown) => {
        console.warn("The document of the person whom you follow could not be shown", error);
      });
  }

  private reveal(cursor: Watched, path: string, isWanted: () => boolean): void {
    const place = cursorIn(cursor.state);
    if (place && isWanted()) {
      this.page.reveal(path, place, isWanted).catch((error: unknown) => {
        console.warn("There is no such place in this document", error);
      });
    }
  }

  private readonly onInput = (event: Event): void => {
    const key = (event as Partial<KeyboardEvent>).key ?? "";
    if (key === "Tab") {
      this.tabbed = true;
      setTimeout(() => {
        this.tabbed = false;
      });
    }
    if (key === "Escape" || (!QUIET.has(key) && !within(event, OWN))) {
      this.stop();
    }
  };

  /** Documents take the focus when they are shown. What someone types next would change them. */
  private readonly onFocus = (event: Event): void => {
    if (this.tabbed && within(event, DOCUMENT)) {
      this.stop();
    } else {
      this.leave(event.target);
    }
  };

  private leave(element: EventTarget | null | undefined): void {
    const { closest } = (element ?? {}) as Partial<HTMLElement>;
    if (closest?.call(element, DOCUMENT)) {
      (element as HTMLElement).blur();
    }
  }

  private readonly page: Page;
  private readonly target: EventTarget;
  private readonly changed: (person: Person | undefined) => void;
  private _person: Person | undefined;
  private going: AbortController | undefined;
  private current: Watched | undefined;
  private cursor: Watched | undefined;
  private path = "";
  private tabbed = false;
}

function within(event: Event, selector: string): boolean {
  return !!(event.target as Partial<Element> | null)?.closest?.(selector);
}
