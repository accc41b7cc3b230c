# SPDX-License-Identifier: GPL-3.0-or-later
"""Add sharing links and guests for a user directly to a hub's database. Runs with the hub's interpreter.

guests.py DATABASE OWNER NUMBER
"""

import sys

from jupyterhub import orm

database, owner, number = sys.argv[1:]
db = orm.new_session_factory(f"sqlite:///{database}")()
spawner = orm.User.find(db, owner).orm_spawners[""]
scopes = [f"access:servers!server={owner}/"]
for index in range(int(number)):
    name = f"guest-{index:03}"
    guest = orm.User.find(db, name) or orm.User(name=name)
    db.add(guest)
    db.commit()
    code, _secret = orm.ShareCode.new(db, spawner, scopes=scopes, expires_in=3600)
    code.exchange(guest)
db.close()
