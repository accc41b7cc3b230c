// SPDX-License-Identifier: GPL-3.0-or-later
// jupyter-collaboration brings this module, and shares it.
declare module "@jupyter/collaborative-drive" {
  import type { Token } from "@lumino/coreutils";

  export const IGlobalAwareness: Token<unknown> | undefined;
}
