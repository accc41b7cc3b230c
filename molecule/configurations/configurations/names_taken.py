# Replaces built-in names, and deletes `c` at the end.
from os import *

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
del c
