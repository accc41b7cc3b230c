// SPDX-License-Identifier: GPL-3.0-or-later
// Shows notices from the server about open documents (notices.py). This is what a bundler would generate, written by hand:
// a module federation container of webpack with one module, which uses JupyterLab's shared notifications.
(() => {
  const SCHEMA_ID = "https://collab-jupyterhub.invalid/document/v1";
  const NAME = "@collab.jupyterhub/notices";
  let shared;

  const load = async (name) => {
    const versions = Object.values(shared[name]);
    return (await versions[0].get())();
  };

  const isOpen = (app, path) => {
    if (path === "") {
      return true; // it is for everyone
    }
    for (const widget of app.shell.widgets("main")) {
      const open = widget.context?.path;
      // The path of a document begins with the name of its drive, such as RTC:.
      if (open !== undefined && open.slice(open.indexOf(":") + 1) === path) {
        return true;
      }
    }
    return false;
  };

  const plugin = {
    id: `${NAME}:plugin`,
    description: "Shows notices from the server about open documents.",
    autoStart: true,
    activate: async (app) => {
      const { Notification } = await load("@jupyterlab/apputils");
      const shown = new Set();
      app.serviceManager.events.stream.connect((_, event) => {
        // The server repeats important notices, for pages that are just reconnecting.
        if (event.schema_id === SCHEMA_ID && isOpen(app, event.path) && !shown.has(event.id)) {
          shown.add(event.id);
          Notification.emit(event.message, event.level, { autoClose: event.level === "info" ? 10000 : false });
        }
      });
    },
  };

  const modules = { "./extension": () => ({ __esModule: true, default: plugin }) };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: async (name) => modules[name],
  };
})();
