// SPDX-License-Identifier: GPL-3.0-or-later
// JupyterLab's extension on collaboration servers. Each file beside this one that ends a line below is one plugin.
import { notices } from "./notices.ts";

export default [notices];
