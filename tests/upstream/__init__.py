# SPDX-License-Identifier: GPL-3.0-or-later
"""Other projects' own tests, with our code at work in what they test."""
