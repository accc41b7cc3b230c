# Says what it does while it is read, by itself and by another program, and leaves the line open.
import logging
import os
import sys
import warnings

print("reading", __file__)
os.system("echo from another program")
logging.getLogger("site").warning("The hub of physics is configured")
warnings.warn("an old setting is in use", DeprecationWarning)
sys.stderr.write("Error: none, but somebody may search for the word\n")
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
sys.stdout.write('{"no": "answer"}')
