// SPDX-License-Identifier: GPL-3.0-or-later
/** Return a time for people. time: in seconds since the epoch. */
export function timeText(time: number, languages?: string): string {
  const form = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "short" });
  return form.format(1000 * time);
}

/** Return a stretch of time for people. */
export function rangeText(began: number, ended: number, languages?: string): string {
  const form = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "short" });
  // A clock that was set back makes stretches that end before they begin.
  return form.formatRange(1000 * Math.min(began, ended), 1000 * Math.max(began, ended));
}
