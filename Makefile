# SPDX-License-Identifier: GPL-3.0-or-later
# The work is done by tests/tools; this file names it.
# Needs Debian with python3, make and git; what else there is to need, `make env` gets.

SCENARIO ?=
ALL :=
BENCH ?=
DEMO_PORT ?= 8000
with_env := tests/tools/with-env
run := $(if $(KEEP),KEEP=1 )$(with_env) python tests/tools/run.py $(if $(ALL),--all)

.DEFAULT_GOAL := help
.PHONY: help env lint unit molecule browser compatibility test test-all test-tables demo demo-down docs docs-site reliability editing soak storm bench images release clean clean-images

help:  ## what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo "  SCENARIO=name  only this Molecule scenario (test, test-all); KEEP=1 leaves its containers running"
	@echo "  BENCH=name     only this benchmark (bench); KEEP=1 leaves its container running"
	@echo "  DEMO_PORT=8000 the demo's port on this machine"
	@echo
	@echo "  Molecule's own commands: . .cache/venv/bin/activate, then molecule test -s NAME"

env:  ## everything that the tests need: Debian packages, .cache/venv, .cache/collections
	@tests/tools/make-env

lint: env  ## formatting, types, docs, ansible-lint, ansible-test sanity
	@$(run) lint

unit: env  ## tests without a host
	@$(run) unit

molecule: env  ## scenarios in containers with a real hub, each on its first platform
	@$(run) molecule

browser: env  ## what only a browser shows
	@$(run) browser

compatibility: env  ## the oldest and the newest ansible-core; with ALL=1 each of them on a hub, and servers on another Python
	@$(run) ansible-core $(if $(ALL),python)

test: env  ## all of these: what to run before each push
	@$(run) $(addprefix 'molecule: ',$(SCENARIO))

test-all: env  ## the same on every platform, the scenarios that take long, and the long forms of editing and verify
	@$(run) --all $(addprefix 'molecule: ',$(SCENARIO))

test-tables: env  ## the tables in docs/how-to/testing.md, from the last runs of test and test-all
	@$(with_env) python tests/tools/test_tables.py

demo: env  ## a throw-away hub in a container on this machine, with alice and bob
	@$(with_env) ansible-playbook playbooks/demo.yml -e demo_state=present -e demo_port=$(DEMO_PORT)

demo-down: env  ## removes the demo
	@$(with_env) ansible-playbook playbooks/demo.yml -e demo_state=absent -e demo_port=$(DEMO_PORT)

docs: env  ## the tables in docs/: variables, who may do what, what ends when, which tests cover which promise
	@$(with_env) python tests/tools/variables.py
	@$(with_env) python tests/tools/access_matrix.py
	@$(with_env) python tests/tools/promises.py
	@$(with_env) python tests/tools/ended.py

docs-site: export REPOSITORY := $(REPOSITORY)
docs-site: env  ## the documentation site, in .cache/site/html; checks its links, those to other sites where there is a network
	@$(with_env) python tests/tools/docs_site.py

reliability: env  ## the tables in docs/reference/reliability.md, from the last runs of the scenario faults, of editing, soak and storm
	@$(with_env) python tests/tools/reliability.py

editing: env  ## people who edit together while things happen, with and without the collection; takes an hour, and makes a table
	@$(with_env) python -m benchmarks.record_editing $(if $(KEEP),--keep)
	@$(with_env) python tests/tools/reliability.py

soak: env  ## ten people who type for half an hour; with MINUTES=5 for so long
	@$(with_env) python -m benchmarks.soak $(if $(MINUTES),--minutes=$(MINUTES)) $(if $(KEEP),--keep)
	@$(with_env) python tests/tools/reliability.py

storm: env  ## two people and five programs at ten files for an hour, as their server is stopped in every way; with MINUTES=5 for so long, with SEED=1 as it was then
	@$(with_env) python -m benchmarks.storm $(if $(MINUTES),--minutes=$(MINUTES)) $(if $(SEED),--seed=$(SEED)); seen=$$?; $(with_env) python tests/tools/reliability.py; exit $$seen

bench: env  ## benchmarks, and their tables in docs/reference/benchmarks.md; with BENCH=name only that one
	@$(with_env) python -m benchmarks.bench $(BENCH) $(if $(KEEP),--keep)
	@$(with_env) python tests/tools/bench_tables.py

images: env  ## the images that scenarios start from (made on demand anyway)
	@$(with_env) python tests/images/build.py

release: export REPOSITORY := $(REPOSITORY)
release: export DOCUMENTATION := $(DOCUMENTATION)
release: export HOMEPAGE := $(HOMEPAGE)
release: export ISSUES := $(ISSUES)
release: env  ## the archive to publish: with REPOSITORY=https://... and DOCUMENTATION=https://...
	@archive=$$($(with_env) python tests/tools/build_collection.py --release) && $(with_env) tests/tools/galaxy-importer "$$archive" && echo "$$archive"

clean:  ## removes this checkout's containers and .cache
	@if [ -x .cache/venv/bin/python ]; then $(with_env) python tests/images/containers.py down; fi
	rm -rf .cache

clean-images: env  ## removes the images, those of other checkouts on this machine too
	@$(with_env) python tests/images/build.py --remove
