# Imports a module of the institute that is next to the file.
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from site_people import TUTORS, notice_login

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.post_auth_hook = notice_login
c.JupyterHub.load_roles = [{"name": "tutors", "scopes": ["list:users"], "users": TUTORS}]
