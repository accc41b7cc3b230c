// SPDX-License-Identifier: GPL-3.0-or-later
// What a banner says, and what it offers to do.
import type { TranslationBundle } from "@jupyterlab/translation";

import type { Cause } from "./connection.ts";
import type { Place } from "./server.ts";

/** Something that a banner offers: a link, or a button. */
export interface Offer {
  label: string;
  /** What opens in a new tab, so that this one keeps its text. */
  href?: string;
  action?: () => void;
}

export interface News {
  text: string;
  offers: Offer[];
  /** Whether this is how things are, so that it needs no attention. */
  isQuiet?: boolean;
}

/** Where the hub's pages are. */
export interface HubPages {
  home: string;
  /** The page that starts this server. */
  spawn: string;
}

/** Return what to say while a page is not connected. place: where the page is, if that is known. */
export function newsOf(
  cause: Cause,
  place: Place | undefined,
  pages: HubPages,
  copy: () => void,
  trans: TranslationBundle,
): News {
  const owner = place?.owner ?? "";
  const isOwner = place?.username === owner && owner !== "";
  if (place?.level === "view" && cause !== "ended") {
    return newsOfViewer(cause, owner, pages, trans);
  }
  switch (cause) {
    case "offline":
      return {
        text: trans.__(
          "You are offline. What you type is kept in this tab, and sent when you are online again.",
        ),
        offers: [],
      };
    case "unreachable":
      return {
        text: trans.__(
          "This server does not answer. What you type is kept in this tab, and sent when it answers again.",
        ),
        offers: [],
      };
    case "stopped": {
      const start = { label: trans.__("Start it"), href: pages.spawn };
      const home = { label: trans.__("Back to the hub"), href: pages.home };
      if (!place || isOwner) {
        return {
          text: place
            ? trans.__(
                "Your server has stopped. What you type is kept in this tab, and sent when it runs again.",
              )
            : trans.__(
                "This server has stopped. What you type is kept in this tab, and sent when it runs again.",
              ),
          offers: [place ? start : home],
        };
      }
      return place.level === "manage"
        ? {
            text: trans.__(
              "%1's server has stopped. What you type is kept in this tab, and sent when it runs again.",
              owner,
            ),
            offers: [start],
          }
        : {
            text: trans.__(
              "%1's server has stopped. Only its owner or a manager can start it. What you type is kept in this tab, and sent when it runs again.",
              owner,
            ),
            offers: [home],
          };
    }
    case "ended":
      return {
        text: isOwner
          ? trans.__("You are logged out. You can copy what is on this page, but it is no longer saved.")
          : place
            ? trans.__(
                "Your access to %1's server has ended. You can copy what is on this page, but it is no longer saved.",
                owner,
              )
            : trans.__(
                "Your access to this server has ended. You can copy what is on this page, but it is no longer saved.",
              ),
        offers: [
          { label: trans.__("Copy the text"), action: copy },
          { label: isOwner ? trans.__("Log in") : trans.__("Back to the hub"), href: pages.home },
        ],
      };
  }
}

/** Return what to say to a person who cannot type while a page is not connected. */
function newsOfViewer(
  cause: Exclude<Cause, "ended">,
  owner: string,
  pages: HubPages,
  trans: TranslationBundle,
): News {
  switch (cause) {
    case "offline":
      return { text: trans.__("You are offline."), offers: [] };
    case "unreachable":
      return { text: trans.__("This server does not answer."), offers: [] };
    case "stopped":
      return {
        text: trans.__("%1's server has stopped. Only its owner or a manager can start it.", owner),
        offers: [{ label: trans.__("Back to the hub"), href: pages.home }],
      };
  }
}

/** Return what to say all the time to a person who can only view a server. */
export function newsOfLevel({ owner }: Place, trans: TranslationBundle): News {
  return {
    text: trans.__("You can view %1's server, but not change anything.", owner),
    offers: [],
    isQuiet: true,
  };
}

/** Return what to say about documents whose kernels have ended with the server. */
export function newsOfKernels(paths: readonly string[], dismiss: () => void, trans: TranslationBundle): News {
  return {
    text: trans._n(
      "The server was started again, and %2 has a new kernel. Run the cells whose variables you need.",
      "The server was started again, and %1 documents have new kernels. Run the cells whose variables you need.",
      paths.length,
      paths[0] ?? "",
    ),
    offers: [{ label: trans.__("Dismiss"), action: dismiss }],
  };
}
