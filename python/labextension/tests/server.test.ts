// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServiceManager } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";

import { NOTICE, onEvent } from "../src/server.ts";

void test("a plugin gets the events of its schema, and no others", () => {
  const stream = new Signal<object, object>({});
  const services = { events: { stream } } as unknown as ServiceManager.IManager;
  const heard: string[] = [];
  onEvent(services, NOTICE, (notice) => heard.push(notice.id));
  stream.emit({ schema_id: "https://events.jupyter.org/jupyter_server/contents_service/v1", id: "other" });
  stream.emit({ schema_id: NOTICE, id: "ours" });
  assert.deepEqual(heard, ["ours"]);
});
