# SPDX-License-Identifier: GPL-3.0-or-later
"""Run other projects' tests with our code active."""
