# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks: each module has a function `measure`."""
