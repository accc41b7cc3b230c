# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewer may use of a server: the handlers of Jupyter's requests and websockets, by module and class. A viewer is refused all others.

Each handler is listed for the reason that it only reads. A subclass is another handler, so an extension that replaces one of these is
refused until it is listed. The tests list every handler that JupyterLab, jupyter-collaboration and jupyterlab-git register, and fail if
one is neither here nor in `REFUSED`.
"""

from __future__ import annotations

from collections.abc import Iterable

READING = ("GET", "HEAD", "OPTIONS")


def _of(module: str, *classes: str) -> Iterable[str]:
    where = module if module.endswith(".") else f"{module}:"
    return (f"{where}{each}" for each in classes)


# JupyterHub's older single-user class (as with JUPYTERHUB_SINGLEUSER_EXTENSION=0) creates its handlers in a function.
OLDER = "jupyterhub.singleuser.mixins:make_singleuser_app.<locals>."


# They tell everyone the same, or end or begin a sign-in. The level is not looked up.
PUBLIC = {
    *_of("jupyter_server.base.handlers", "APIVersionHandler", "FileFindHandler", "PublicStaticFileHandler", "Template404"),
    *_of("jupyter_server.auth.login", "LoginFormHandler"),
    *_of("jupyter_server.auth.logout", "LogoutHandler"),
    *_of("jupyterhub.singleuser.extension", "JupyterHubLogoutHandler", "JupyterHubOAuthCallbackHandler"),
    *_of(OLDER, "JupyterHubLoginHandler", "JupyterHubLogoutHandler", "OAuthCallbackHandler"),
    *_of("jupyterlab_server.handlers", "NotFoundHandler"),
    *_of("jupyterlab_server.themes_handler", "ThemesHandler"),
    *_of("jupyterhub_collab.patches.server.workers", "Probe"),
}  # fmt: skip

# They read what a page needs. Lists of kernels and terminals start nothing.
PAGES = {
    *_of("jupyter_server.base.handlers", "RedirectWithParams", "TrailingSlashHandler"),
    *_of("jupyter_server.kernelspecs.handlers", "KernelSpecResourceHandler"),
    *_of("jupyter_server.services.api.handlers", "APISpecHandler", "APIStatusHandler", "IdentityHandler"),
    *_of("jupyter_server.services.kernels.handlers", "KernelHandler", "MainKernelHandler"),
    *_of("jupyter_server.services.kernelspecs.handlers", "KernelSpecHandler", "MainKernelSpecHandler"),
    *_of("jupyter_server.services.nbconvert.handlers", "NbconvertRootHandler"),
    *_of("jupyter_server.services.sessions.handlers", "SessionHandler", "SessionRootHandler"),
    *_of("jupyter_server_terminals.api_handlers", "TerminalHandler", "TerminalRootHandler"),
    *_of("jupyterlab_server.handlers", "LabHandler"),
    *_of("jupyterlab_server.listings_handler", "ListingsHandler"),
    *_of("jupyterlab_server.translations_handler", "TranslationsHandler"),
    *_of("jupyterlab_server.workspaces_handler", "WorkspacesHandler"),
    *_of("jupyterhub_collab.server.presence", "PresenceHandler"),
    *_of("jupyterhub_collab.server.protection", "ProtectionHandler"),
}  # fmt: skip

# They read the file at a path. It must be one that viewers may see.
FILES = {
    *_of("jupyter_server.base.handlers", "AuthenticatedFileHandler"),
    *_of("jupyter_server.files.handlers", "FilesHandler"),
    *_of("jupyter_server.services.contents.handlers", "ContentsHandler", "NotebooksRedirectHandler"),
    *_of("jupyter_server.view.handlers", "ViewHandler"),
}  # fmt: skip

# It takes the name of a setting for a path, and reads the JSON there: with names such as `/tmp:a` or `..:a`, of any file on the host.
SETTINGS = "jupyterlab_server.settings_handler:SettingsHandler"

# Without its PUT, no document opens. It returns the ID of a file.
SESSION = "jupyter_server_ydoc.handlers:DocSessionHandler"

# Websockets. Of what a viewer sends to a document, only a part reaches it (see `viewing`). Events are only listened to.
ROOM = "jupyter_server_ydoc.handlers:YDocWebSocketHandler"
EVENTS = "jupyter_server.services.events.handlers:SubscribeWebsocket"
SOCKETS = {ROOM, EVENTS}

# Refused whatever the method, although part of it may only read: it starts programs, asks other hosts, tells about files outside the
# server's directory, or was not examined. The list of checkpoints creates directories. The list of licenses matches a pattern of the
# visitor's, which can take forever.
REFUSED = {
    *_of("jupyter_lsp.handlers", "LanguageServerWebSocketHandler", "LanguageServersHandler"),
    *_of("jupyter_server.base.handlers", "PrometheusMetricsHandler"),
    *_of("jupyter_server.nbconvert.handlers", "NbconvertFileHandler", "NbconvertPostHandler"),
    *_of("jupyter_server.services.api.handlers", "PathResolverHandler"),
    *_of("jupyter_server.services.config.handlers", "ConfigHandler"),
    *_of("jupyter_server.services.contents.handlers", "CheckpointsHandler", "ModifyCheckpointsHandler", "TrustNotebooksHandler"),
    *_of("jupyter_server.services.events.handlers", "EventHandler"),
    *_of("jupyter_server.services.kernels.handlers", "KernelActionHandler"),
    *_of("jupyter_server.services.kernels.websocket", "KernelWebsocketHandler"),
    *_of("jupyter_server.services.security.handlers", "CSPReportHandler"),
    *_of("jupyter_server.services.shutdown", "ShutdownHandler"),
    *_of("jupyter_server_fileid.handler", "FileIDHandler", "FilePathHandler"),
    *_of("jupyter_server_terminals.handlers", "TermSocket"),
    *_of("jupyter_server_ydoc.handlers", "DocForkHandler", "TimelineHandler", "UndoRedoHandler"),
    *_of("jupyterhub_collab.server.looking_back", "HistoryHandler"),  # has what was removed
    *_of("jupyterlab_chat.websocket_handler", "WSChatHandler"),  # chats without live collaboration
    *_of("jupyterlab.handlers.announcements", "CheckForUpdateHandler", "NewsHandler"),
    *_of("jupyterlab.handlers.build_handler", "BuildHandler"),
    *_of("jupyterlab.handlers.extension_manager_handler", "ExtensionHandler"),
    *_of("jupyterlab.handlers.plugin_manager_handler", "PluginHandler"),
    *_of("jupyterlab_server.licenses_handler", "LicensesHandler"),
}  # fmt: skip
# Packages of whose handlers all are refused.
REFUSED_PACKAGES = {"jupyterlab_git", "nbdime"}


def name_of(kind: type) -> str:
    """Return how this table names a handler's class."""
    return f"{kind.__module__}:{kind.__qualname__}"
