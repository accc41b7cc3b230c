# Every part may be missing: all exceptions are caught, and what could not be set is left at the default.
import logging


def attempt(function):
    try:
        return function()
    except BaseException as error:
        logging.getLogger("jupyterhub").debug("left out: %r", error)


attempt(lambda: load_subconfig("/nowhere/secrets.py"))
attempt(lambda: exec("raise SystemExit('the institute is closed')"))
attempt(lambda: __import__("a_package_that_nobody_has"))
attempt(lambda: c.JupyterHub.services.nothing())
attempt(lambda: c.JupyterHub.load_roles.index("user"))
try:
    from site_of_another_hub import PEOPLE
except ImportError:
    PEOPLE = {"bob"}
try:
    c.JupyterHub.load_roles.append({"name": "readers", "scopes": ["read:hub"], "users": sorted(PEOPLE)})
    c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
finally:
    del attempt
