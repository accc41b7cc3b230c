def people(config):
    config.PAMAuthenticator.allowed_groups = {"jupyterhub"}
    config.Authenticator.admin_users.add("carol")


people(get_config())  # noqa: F821
