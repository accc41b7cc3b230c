# Takes names away that Python has by itself, and throws away what it does not need any more.
from os import *

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
del c
