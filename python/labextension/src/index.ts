// SPDX-License-Identifier: GPL-3.0-or-later
// JupyterLab's extension on collaboration servers.
import { badge } from "./badge.ts";
import { banner } from "./banner.ts";
import { history } from "./history.ts";
import { notices } from "./notices.ts";
import { share } from "./share.ts";

export default [badge, banner, history, notices, share];
