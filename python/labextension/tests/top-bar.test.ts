// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { test } from "node:test";

import { leadTo } from "../src/top-bar.ts";

/** A part of a toolbar as JupyterLab makes it: the parts that count are looked up when it is told to. */
function inToolbar(): { control: Element; toolbar: { activeIndex: number; led: number } } {
  const other = {};
  const toolbar = {
    activeIndex: 0,
    led: -1,
    focusableElements: [other],
    reduceFocusableElements: () => {
      toolbar.focusableElements = [other, control];
    },
    setFocusableElements: () => {
      toolbar.led = toolbar.activeIndex;
    },
  };
  const control = { closest: () => toolbar };
  return { control: control as unknown as Element, toolbar };
}

void test("Tab leads to a control that was added later", () => {
  const { control, toolbar } = inToolbar();
  leadTo(control);
  assert.equal(toolbar.led, 1);
});

void test("A control outside of a toolbar stays as it is, and so does a toolbar of another release", () => {
  leadTo({ closest: () => null } as unknown as Element);
  const toolbar = { focusableElements: [] as unknown[] };
  const control = { closest: () => toolbar };
  leadTo(control as unknown as Element);
  assert.deepEqual(toolbar, { focusableElements: [] });
});
