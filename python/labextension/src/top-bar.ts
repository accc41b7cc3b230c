// SPDX-License-Identifier: GPL-3.0-or-later

/** What this extension uses of JupyterLab's toolbars. Tab leads to one part of a toolbar, and arrow keys lead from there to the others. */
interface Toolbar extends Element {
  activeIndex: number;
  focusableElements: Element[];
  reduceFocusableElements: () => void;
  setFocusableElements: () => void;
}

/**
 * Have Tab lead to a control in a toolbar. In the top bar, it would lead to the user's menu, which takes the arrow keys for itself. So no key would
 * lead to anything else there.
 */
export function leadTo(control: Element): void {
  const toolbar: Partial<Toolbar> | null = control.closest("jp-toolbar");
  // Controls that were added later count only after this.
  toolbar?.reduceFocusableElements?.();
  const index = toolbar?.focusableElements?.indexOf(control) ?? -1;
  if (toolbar && index >= 0) {
    toolbar.activeIndex = index;
    toolbar.setFocusableElements?.();
  }
}
