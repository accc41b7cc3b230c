# SPDX-License-Identifier: GPL-3.0-or-later
"""Add users directly to the database of a stopped hub, and print how many users it has then.

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
