# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of role jupyterhub, read by Python as a hub reads it."""

from traitlets.config import Config

from role_variables import RoleVariables
from scenario import ROOT

TEMPLATE = ROOT / "roles/jupyterhub/templates/jupyterhub_config.py.j2"


def test_names_are_the_same_in_python() -> None:
    """Names of all alphabets arrive as they are, also beyond U+FFFF, where JSON's and Python's escapes differ."""
    names = ["ännchen", "李", "\U0001f600", 'a"\\b']
    variables = RoleVariables("jupyterhub", jupyterhub_allowed_users=names, jupyterhub_admin_users=names[:3])
    text = variables.templated(TEMPLATE.read_text())
    c = Config()
    settings = [line for line in text.splitlines() if not line.startswith("runpy.")]
    exec("\n".join(settings), {"c": c})
    assert c.Authenticator.allowed_users == set(names)
    assert c.Authenticator.admin_users == set(names[:3])
