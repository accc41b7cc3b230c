# What servers start with: arguments, environment and command, assigned and added to.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Spawner.cmd = ["/usr/local/jupyterhub/bin/jupyterhub-singleuser", "--ServerApp.terminado_settings={}"]
c.Spawner.args = ["--debug"]
c.LocalProcessSpawner.args.append("--ServerApp.max_body_size=1000000")
c.Spawner.environment = {"TEAM": "physics", "GREETING": lambda spawner: f"hello {spawner.user.name}"}
c.LocalProcessSpawner.environment.update({"ROOM": "2.17"})
c.Spawner.default_url = "/lab"
