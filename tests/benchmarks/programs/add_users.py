# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts users into a hub's database, straight, while the hub is stopped, and prints how many there are then.

Runs with the hub's interpreter.

add_users.py DATABASE NUMBER
"""

import sys

from jupyterhub import orm

database, number = sys.argv[1:]
db = orm.new_session_factory(f"sqlite:///{database}")()
role = orm.Role.find(db, "user")
db.add_all(orm.User(name=f"user-{index:04}", roles=[role]) for index in range(int(number)))
db.commit()
print(db.query(orm.User).count())
db.close()
