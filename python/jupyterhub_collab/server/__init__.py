# SPDX-License-Identifier: GPL-3.0-or-later
"""The part that runs inside a collaboration server, where it protects what people type."""
