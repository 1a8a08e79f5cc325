#!/bin/sh
# Run tox from .venv, arguments as given, with every Python that this machine has: those that pyenv
# keeps count too, whether selected or not (their shims on PATH fail until they are).
set -eu
cd "$(dirname "$0")/.."

pythons=
if command -v pyenv >/dev/null 2>&1; then
    for version in $(pyenv versions --bare --skip-aliases); do
        pythons="$pythons$(pyenv prefix "$version")/bin/python3;"
    done
fi
# The variable stands for the option --discover and leaves the arguments to the caller; tox splits
# it at semicolons.
TOX_DISCOVER=${TOX_DISCOVER:-$pythons} exec .venv/bin/tox run "$@"
