# Another working directory, search path and umask, stricter warnings, a quiet log, and variables with the names of built-in functions.
import builtins
import logging
import os
import socket
import sys
import warnings

os.chdir("/")
os.umask(0o077)
sys.path[:] = [path for path in sys.path if path and not path.startswith("/home")]
sys.path.insert(0, os.path.dirname(__file__))
builtins.config = c
warnings.filterwarnings("error", module="site_.*")
logging.disable(logging.WARNING)
socket.setdefaulttimeout(30)
os.environ.pop("LANG", None)
os.environ["PYTHONWARNINGS"] = "ignore"

from site_people import TUTORS

config.PAMAuthenticator.allowed_groups = {"jupyterhub"}
config.JupyterHub.load_roles = [{"name": "tutors", "scopes": ["list:users"], "users": TUTORS}]
sorted, hasattr, open, glob, sys, __import__ = TUTORS, None, None, None, None, None
