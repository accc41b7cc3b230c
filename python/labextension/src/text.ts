// SPDX-License-Identifier: GPL-3.0-or-later
/** Put values into the fields of a text from the server, such as "{name} was deleted." */
export function fill(form: string, values: Readonly<Record<string, string>>): string {
  return form.replace(/\{(\w+)\}/g, (field, name: string) => values[name] ?? field);
}
