# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: `table` reads docs/access.yml, `actions` does what its rows are about, `scene` has everybody there."""
