#!/bin/sh
# Fetch the readers and writers of mail that are JavaScript, for the tests, and install nothing.
#
# Rules of this file:
# - Packages and versions are those of tests/interop/node/package-lock.json, which names no registry:
#   npm asks the one that this machine uses, and holds what it gets against the checksums.
# - No script of a package runs. Node and npm are those of PATH: tox's environment has its own.
# - The tree is node in $GPGMAIL_SERVERS (by default .cache/servers in the project); it appears by one
#   rename and has its stamp inside.
# - Exit 0: it stands, or Node is absent and this is not CI. Exit 1: it does not stand.
set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
lock=$project/tests/interop/node
servers=${GPGMAIL_SERVERS:-$project/.cache/servers}
mkdir -p "$servers"
servers=$(CDPATH='' cd -- "$servers" && pwd)
tree=$servers/node
stamp=$(cat "$lock/package.json" "$lock/package-lock.json" | cksum)

self=fetch-node
# shellcheck source=scripts/tree.sh
. "$(dirname -- "$0")/tree.sh"

if stands; then
    say "nothing to do, $tree stands"
    exit 0
fi

for tool in node npm flock; do
    if ! command -v "$tool" >/dev/null; then
        say "$tool is absent: the tests with JavaScript are skipped"
        [ "${CI:-}" != true ]
        exit
    fi
done

if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
    say "Node $(node --version) is too old, 20 is needed: the tests with JavaScript are skipped"
    [ "${CI:-}" != true ]
    exit
fi

begin "$(dirname -- "$servers")"
mkdir "$work/node"
cp "$lock/package.json" "$lock/package-lock.json" "$work/node/"
(cd "$work/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
echo "$stamp" >"$work/node/.stamp"
rm -rf "$tree"
mv "$work/node" "$tree"
say "unpacked into $tree, nothing installed"
