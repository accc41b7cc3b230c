# Deletes built-in names, and what it does not need any more.
from os import *

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
del c
