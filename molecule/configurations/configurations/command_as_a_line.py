# A spawner by the name of its entry point, a command as one word, arguments from a line, and a login shell around both.
import shlex

c.JupyterHub.spawner_class = "localprocess"
c.LocalProcessSpawner.shell_cmd = ["/bin/bash", "-l", "-c"]
c.Spawner.cmd = "/usr/local/jupyterhub/bin/jupyterhub-singleuser"  # a login shell has its own PATH
c.Spawner.args = shlex.split("--ServerApp.quit_button=False '--IdentityProvider.cookie_options={\"samesite\": \"Lax\"}'")
c.Spawner.notebook_dir = "~"
c.Spawner.env_keep.extend(["COURSE", "TERM_OF_THE_YEAR"])
c.JupyterHub.authenticator_class = "pam"
c.Authenticator.any_allow_config = True
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
