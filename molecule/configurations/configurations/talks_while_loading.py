# Writes messages while it loads, also from another program, and does not end the last line.
import logging
import os
import sys
import warnings

os.system("echo from another program >&2")
logging.getLogger("site").warning("The hub of physics is configured")
warnings.warn("an old setting is in use", DeprecationWarning)
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
sys.stderr.write("Error: none, but someone may search for the word ... ")
