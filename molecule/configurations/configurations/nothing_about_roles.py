# The minimum: who may use the hub. Nothing about roles, hooks or the spawner.
c = get_config()

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.admin_users = {"carol"}
