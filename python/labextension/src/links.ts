// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses that people send to each other.
import { URLExt } from "@jupyterlab/coreutils";

/** Return the address of a document, or of the server if there is none. base: the address of the server. */
export function linkTo(base: string, path: string): string {
  return path ? URLExt.join(base, "lab/tree", URLExt.encodeParts(path)) : URLExt.join(base, "lab");
}

/** Return the address of the hub's sharing page with a server, a document and an access level filled in. page: its address. */
export function pageFor(page: string, server: string, path: string, level: string): string {
  const query = new URLSearchParams({ tab: "mine", server, document: path, ...(level && { level }) });
  return `${page}?${query.toString()}`;
}
