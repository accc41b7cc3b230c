# Users have no account on the host until their first server starts. Then a hook creates it, with a number derived from the name and
# a home directory elsewhere. Servers can write to few places, and the hub deletes users without an account.
import hashlib
import pwd
import re
import subprocess

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Bool, List, Unicode


class Shut(LocalProcessSpawner):
    username_template = Unicode("{USERNAME}").tag(config=True)
    dynamic_users = Bool(False).tag(config=True)
    readonly_paths = List(None, allow_none=True).tag(config=True)
    readwrite_paths = List(None, allow_none=True).tag(config=True)

    def _expand_user_vars(self, text):
        return text.replace("{USERNAME}", self.user.name)


def account_of(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:31]


def make_account(spawner):
    name = account_of(spawner.user.name)
    try:
        pwd.getpwnam(name)
    except KeyError:
        number = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 900_000 + 100_000
        home = f"/srv/people/{name}"
        subprocess.check_call(["useradd", "-u", str(number), "-m", "-d", home, "-s", "/bin/bash", name])
    spawner.username_template = name


c.JupyterHub.spawner_class = Shut
c.Shut.pre_spawn_hook = make_account
c.Shut.readonly_paths = ["/"]
c.Shut.readwrite_paths = ["/srv/people", "/home"]
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.admin_users = {"carol"}
c.Authenticator.delete_invalid_users = True
