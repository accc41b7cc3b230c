// SPDX-License-Identifier: GPL-3.0-or-later
import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";

import type { Cause } from "./connection.ts";
import type { Place } from "./server.ts";

/** The hub's answer for a server that does not run. */
const NOT_RUNNING = 424;

/** Ask the server where this page is, and who is here. */
export async function askPlace(settings: ServerConnection.ISettings): Promise<Place> {
  const response = await ask(settings);
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  return (await response.json()) as Place;
}

/** Ask the server whether it can be reached. Return why not, or undefined if it can. hear: takes its answer. */
export async function whyAway(
  settings: ServerConnection.ISettings,
  hear: (place: Place) => void,
): Promise<Cause | undefined> {
  try {
    const response = await ask(settings);
    const { status } = response;
    if (response.ok) {
      hear((await response.json()) as Place);
    }
    if (status === NOT_RUNNING) {
      return "stopped";
    }
    if (status === 401 || status === 403) {
      return "ended";
    }
    return status >= 500 ? "unreachable" : undefined;
  } catch (error) {
    if (error instanceof ServerConnection.NetworkError) {
      return navigator.onLine ? "unreachable" : "offline";
    }
    throw error;
  }
}

async function ask(settings: ServerConnection.ISettings): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, "api/collaboration-presence");
  return await ServerConnection.makeRequest(url, {}, settings);
}
