# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's own settings, for machines that are small and busy."""

c = get_config()  # noqa: F821

c.Spawner.http_timeout = 120
c.Spawner.start_timeout = 120
c.Spawner.environment = {"SITE": "littlest"}
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "read:services:name"]}]
