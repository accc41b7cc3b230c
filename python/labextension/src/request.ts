// SPDX-License-Identifier: GPL-3.0-or-later
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

import type { Place } from "./server.ts";

/** Ask the server where this page is, and who is here. */
export async function askPlace(settings: ServerConnection.ISettings): Promise<Place> {
  const url = URLExt.join(settings.baseUrl, "api/collaboration-presence");
  const response = await ServerConnection.makeRequest(url, {}, settings);
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  return (await response.json()) as Place;
}
