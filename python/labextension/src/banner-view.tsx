// SPDX-License-Identifier: GPL-3.0-or-later
import { ReactWidget } from "@jupyterlab/ui-components";
import * as React from "react";

import type { News } from "./news.ts";

/** Says what is happening, above the documents. It never takes the focus, and moves nothing but the documents' upper edge. */
export class Banner extends ReactWidget {
  constructor(label: string) {
    super();
    this.id = "jp-CollabBanner";
    this.addClass("jp-CollabBanner");
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", label);
    this.hide();
    // Screen readers follow only what was there before its text.
    this.spoken.className = "jp-CollabSpoken";
    this.spoken.setAttribute("role", "status");
    document.body.append(this.spoken);
  }

  /** Say something, or nothing. */
  say(news: News | undefined): void {
    this.news = news;
    this.spoken.textContent = news?.text ?? "";
    this.toggleClass("jp-mod-quiet", news?.isQuiet ?? false);
    this.setHidden(!news);
    this.update();
  }

  protected override render(): React.JSX.Element | null {
    return this.news ? (
      <div ref={this.fitTo}>
        <span>{this.news.text}</span>
        {this.news.offers.map(({ label, href, action }) =>
          href ? (
            <a key={label} href={href} target="_blank" rel="noopener">
              {label}
            </a>
          ) : (
            <button key={label} type="button" onClick={action}>
              {label}
            </button>
          ),
        )}
      </div>
    ) : null;
  }

  /** Make the banner as high as its text, which has more lines in a narrow window. Lumino does not do that. */
  private readonly fitTo = (content: HTMLDivElement | null): void => {
    this.observer.disconnect();
    if (content) {
      this.observer.observe(content);
    }
  };

  private news: News | undefined;
  private readonly spoken = document.createElement("div");
  private readonly observer = new ResizeObserver(([entry]) => {
    const height = entry?.borderBoxSize[0]?.blockSize;
    if (height) {
      this.node.style.minHeight = `${String(height)}px`;
      this.parent?.fit();
    }
  });
}
