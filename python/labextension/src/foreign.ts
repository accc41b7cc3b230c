// SPDX-License-Identifier: GPL-3.0-or-later
// Proxies and web servers answer for a server that they cannot reach. JupyterLab takes such an answer for the server's own, and says
// in a dialog, for example, that a directory does not exist.
import type { ServerConnection } from "@jupyterlab/services";

/** In all answers of hubs and their servers. */
const MARK = "X-JupyterHub-Version";

/** From now on, requests fail if only something else answers for the server: with an error that is not in JSON, and without the hub's mark. */
export function refuseForeign(settings: ServerConnection.ISettings): void {
  const own = settings.fetch;
  // A proxy may remove the mark.
  let isMarked = false;
  const fetch: typeof settings.fetch = async (...request) => {
    const response = await own(...request);
    const hasMark = response.headers.has(MARK);
    isMarked ||= hasMark;
    const isJson = response.headers.get("Content-Type")?.includes("json") ?? false;
    if (isMarked && !hasMark && !response.ok && !isJson) {
      // As if there had been no answer.
      throw new TypeError(`The answer ${response.status.toString()} is not the server's`);
    }
    return response;
  };
  Object.assign(settings, { fetch });
}
