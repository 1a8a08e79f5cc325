#!/bin/sh
# Prepare this machine and .venv for one purpose, then leave the rest to the Makefile:
#   demo  gpg, and the package with its demo extra in .venv
#   tox   tox in .venv, for the checks that run nothing
#   test  tox, what the tests need from the system, the servers and other programs that they start
#   interop  what test needs, and what programs of others need that mail is exchanged with
#
# Rules. What is there is left alone, so a second run asks neither apt nor pip. System packages come
# from apt, only when one is missing, and only as root or where sudo asks no password; otherwise the
# one command to run is printed. Nothing waits for an answer.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "bootstrap: $*"; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# A version manager's shim may be on PATH for a Python that is not selected: each is run, not looked up.
is_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if is_python "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer found; install one, or name it: make ... PYTHON=/path/to/python3"
}

venv_works() { is_python .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }

# Debian splits ensurepip from venv; a pip beside the interpreter can stand in for it.
can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 || "$1" -m pip --version >/dev/null 2>&1
}

make_venv() {
    say "bootstrap: making .venv with $("$1" --version)"
    if "$1" -c 'import ensurepip' >/dev/null 2>&1; then
        "$1" -m venv --clear .venv
    else
        "$1" -m venv --clear --without-pip .venv
        "$1" -m pip --python .venv/bin/python install --quiet pip
    fi
}

# The packages of purpose $1 whose command is not there, each once, on one line.
missing_packages() {
    while read -r purpose package command _; do
        if [ "$purpose" = "$1" ] && ! have "$command"; then
            printf '%s\n' "$package"
        fi
    done <scripts/apt-packages.txt | sort -u | tr '\n' ' '
}

apt_install() {
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif have sudo && sudo -n true >/dev/null 2>&1; then
        as_root='sudo -n'
    else
        have sudo && with_sudo='sudo ' || with_sudo=
        say "bootstrap: missing on this machine: $*"
        say "bootstrap: run this with root's rights, then try again:"
        say "    ${with_sudo}apt-get install -y --no-install-recommends $*"
        exit 1
    fi
    say "bootstrap: installing $*"
    # Old package lists may still do, so that a failed update does not end it: the install decides.
    # shellcheck disable=SC2086  # as_root is nothing or two words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null >&2 || :
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$@" </dev/null >&2
}

# The packages that the purposes named lack, and the one that .venv cannot be made without.
install_packages() {
    missing=$python_package
    for purpose in "$@"; do
        missing="$missing $(missing_packages "$purpose")"
    done
    # shellcheck disable=SC2086  # a list of names
    set -- $missing
    [ $# -eq 0 ] && return
    have apt-get || fail "no apt-get here; install what Debian calls: $*"
    apt_install "$@"
}

# Stamped with a checksum of pyproject.toml: pip is asked again only after that changed.
pip_install() {
    stamp=.venv/installed-$1
    shift
    now=$(cksum <pyproject.toml)
    [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return
    # pip 25.1 is the first that reads dependency groups.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
    printf '%s\n' "$now" >"$stamp"
}

python_package=
if ! venv_works; then
    python=$(find_python)
    can_make_venv "$python" ||
        python_package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
fi

case ${1:-} in
demo) install_packages demo ;;
tox) install_packages ;;
test) install_packages demo test ;;
interop) install_packages demo test interop ;;
*) fail "usage: scripts/bootstrap.sh demo|tox|test|interop" ;;
esac

venv_works || make_venv "$python"

case $1 in
demo) pip_install demo --editable '.[demo]' ;;
tox) pip_install tox --group tox ;;
test | interop)
    pip_install tox --group tox
    scripts/fetch-servers.sh
    scripts/fetch-gnupg24.sh
    ;;
esac
