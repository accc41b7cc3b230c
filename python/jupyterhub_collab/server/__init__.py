# SPDX-License-Identifier: GPL-3.0-or-later
"""The part that runs inside a collaboration server: people who edit together there lose nothing that they have typed."""
