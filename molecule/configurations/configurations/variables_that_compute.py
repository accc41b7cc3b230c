# Templates and their variables that are functions and objects, a default page that is one, and strings that are made late.
import datetime
from functools import cached_property
from pathlib import Path


class News:
    @cached_property
    def today(self):
        return f"closed on {datetime.date(2026, 11, 27):%A}"

    def __str__(self):
        return self.today


c.JupyterHub.template_paths.insert(0, str(Path(__file__).parent / "templates"))
c.JupyterHub.template_vars = {
    "announcement": News(),
    "now": datetime.datetime.now,
    "team": {"name": "physics", "since": datetime.date(1911, 1, 1)},
}
c.JupyterHub.default_url = lambda handler: (
    "/hub/home" if handler.current_user and handler.current_user.admin else "/hub/spawn"
)
c.JupyterHub.logo_file = str(Path("/usr/share") / "logo.svg")
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
