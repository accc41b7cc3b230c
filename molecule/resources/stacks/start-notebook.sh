#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts what the Jupyter Docker Stacks start: a hub's server if a hub has started the container.
set -eu
test -n "${JUPYTERHUB_API_TOKEN-}" || exec jupyter lab "$@"
exec jupyterhub-singleuser "$@"
