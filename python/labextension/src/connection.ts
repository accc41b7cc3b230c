// SPDX-License-Identifier: GPL-3.0-or-later
// Whether this page's server can be reached, and if not, why. Nothing is asked until something fails.

/**
 * Why a page is not connected to its server:
 * - offline: this computer has no network.
 * - unreachable: it has one, but neither the server nor the hub answers.
 * - stopped: the hub says that the server does not run.
 * - ended: the visitor can no longer open the server. This does not pass.
 */
export type Cause = "offline" | "unreachable" | "stopped" | "ended";

/** How long to wait before the server is asked again, in milliseconds: the first time, and at most. */
const FIRST = 1000;
const MOST = 10_000;
/** How much longer to wait each time. */
const GROWTH = 1.5;
/** How long a server that is about to stop may still answer, in milliseconds. */
const STOPPING = 20_000;

export class Connection {
  /**
   * ask: returns why the server cannot be reached now, or undefined if it can.
   * onChange: called with the new cause when it changes.
   */
  constructor(
    ask: () => Promise<Cause | undefined>,
    onChange: (cause: Cause | undefined) => void,
    first = FIRST,
  ) {
    this.ask = ask;
    this.onChange = onChange;
    this.first = first;
    this.wait = first;
  }

  /** Why the page is not connected; undefined if it is, as far as is known. */
  get cause(): Cause | undefined {
    return this._cause;
  }

  /** Something has failed: find out why, and then ask until the server can be reached again. */
  suspect(): void {
    this.wait = this.first;
    if (!this.isAsking && this._cause !== "ended") {
      clearTimeout(this.timer);
      void this.look();
    }
  }

  /** The server has said that it stops. It answers until it has saved everything. */
  stop(): void {
    if (this._cause !== "ended") {
      this.stopsUntil = Date.now() + STOPPING;
      this.set("stopped");
      this.suspect();
    }
  }

  /** The visitor's access has ended. */
  end(): void {
    clearTimeout(this.timer);
    this.set("ended");
  }

  private async look(): Promise<void> {
    this.isAsking = true;
    let cause: Cause | undefined = "unreachable";
    try {
      cause = await this.ask();
    } catch (error) {
      console.warn("It is unknown why the server does not answer", error);
    }
    this.isAsking = false;
    if (this._cause === "ended") {
      return; // meanwhile
    }
    if (cause) {
      this.stopsUntil = 0;
    } else if (Date.now() < this.stopsUntil) {
      cause = "stopped";
    }
    this.set(cause);
    if (cause && cause !== "ended") {
      this.timer = setTimeout(() => void this.look(), this.wait);
      this.wait = Math.min(this.wait * GROWTH, MOST);
    }
  }

  private set(cause: Cause | undefined): void {
    if (cause !== this._cause) {
      this._cause = cause;
      this.onChange(cause);
    }
  }

  private readonly ask: () => Promise<Cause | undefined>;
  private readonly onChange: (cause: Cause | undefined) => void;
  private readonly first: number;
  private _cause: Cause | undefined;
  private isAsking = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait: number;
  private stopsUntil = 0;
}
