# Each target prepares what it needs (scripts/bootstrap.sh), so a fresh clone needs nothing else.
.DEFAULT_GOAL := help
.PHONY: help demo test interop check lint gen gen-check bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: ## install what is missing, then sign, encrypt, send and read one mail on this machine
	@scripts/bootstrap.sh demo
	@.venv/bin/gpgmail demo

test: ## everything that has to hold, on every Python found (docs/testing.md)
	@scripts/bootstrap.sh test
	@scripts/tox.sh

interop: ## every engine with every gpg, kind of key and keyring, foreign programs, Ansible (docs/interop.md)
	@scripts/bootstrap.sh interop
	@scripts/tox.sh -e interop,ansible-oldest,ansible-newest

check: ## all of make test that runs no tests: style, types, import levels, generated files
	@scripts/bootstrap.sh tox
	@scripts/tox.sh -e lint,types,imports,gen

lint: ## style only
	@scripts/bootstrap.sh tox
	@scripts/tox.sh -e lint

gen: ## write the generated files from the declared rows
	@scripts/bootstrap.sh demo
	@.venv/bin/python tools/generate.py
	@.venv/bin/python tools/transport_table.py
	@.venv/bin/python tools/ansible_docs.py

gen-check: ## fail where a generated file differs from its rows
	@scripts/bootstrap.sh demo
	@.venv/bin/python tools/generate.py --check
	@.venv/bin/python tools/transport_table.py --check
	@.venv/bin/python tools/ansible_docs.py --check

bench: ## measure against bare gpg on this machine
	@scripts/bootstrap.sh demo
	@.venv/bin/python benchmarks/run.py

clean: ## remove what the targets made here, except the unpacked servers in .cache
	rm -rf .venv .tox build dist .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
