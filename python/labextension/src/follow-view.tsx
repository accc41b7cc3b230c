// SPDX-License-Identifier: GPL-3.0-or-later
import type { TranslationBundle } from "@jupyterlab/translation";
import * as React from "react";

import type { Person } from "./server.ts";

interface Props {
  person: Person;
  trans: TranslationBundle;
  stop: () => void;
}

/** Says whom this page follows, above the documents. */
export function FollowLine({ person, trans, stop }: Props): React.JSX.Element {
  const label = trans.__("Following %1", person.name);
  return (
    <div className="jp-CollabFollow" role="region" aria-label={label} style={{ borderColor: person.color }}>
      <span>{label}</span>
      <button type="button" onClick={stop}>
        {trans.__("Stop")}
      </button>
    </div>
  );
}
