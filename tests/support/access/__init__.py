# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what by docs/access.yml: `actions` does what its rows are about, `scene` has everyone there."""
