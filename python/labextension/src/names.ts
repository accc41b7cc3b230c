// SPDX-License-Identifier: GPL-3.0-or-later
/** The name of this extension, with which the names of its plugins begin. */
export const EXTENSION = "@collab.jupyterhub/lab";

/** The domain of its translations, which JupyterLab derives from the name. */
export const DOMAIN = "collab_jupyterhub_lab";
