# Run by split_by_exec.py.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
