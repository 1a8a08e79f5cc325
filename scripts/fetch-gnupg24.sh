#!/bin/sh
# Unpack GnuPG 2.4 beside the machine's own gpg, for the tests that want a second version.
#
# Rules of this file:
# - Everything comes from the first Debian release that has 2.4, from the mirror that this machine's
#   apt uses, with lists of our own. No package is installed and root is not needed.
# - The programs run with the C library and the libraries of their own release: loader and search path
#   are written into them, for which the tree has to stay where it was made.
# - They find one another by gpgconf.ctl, GnuPG's own means for a tree that can stand anywhere. A
#   wrapper script would not do: gpg looks for that file beside the program that really runs.
# - The tree is gnupg24 in $GPGMAIL_SERVERS (by default .cache/servers in the project), appears by one
#   rename and has its stamp inside.
# - Exit 0: it stands, or cannot be had here and this is not CI. Exit 1: it does not stand.
set -eu

release=trixie
wanted="gpg gpg-agent gpgconf gpgv keyboxd scdaemon dirmngr patchelf"
keys=/usr/share/keyrings/debian-archive-keyring.gpg

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
servers=${GPGMAIL_SERVERS:-$project/.cache/servers}
mkdir -p "$servers"
servers=$(CDPATH='' cd -- "$servers" && pwd)
tree=$servers/gnupg24
stamp="$wanted; $release $(uname -m) in $tree"

self=fetch-gnupg24
# shellcheck source=scripts/tree.sh
. "$(dirname -- "$0")/tree.sh"

give_up() {
    say "GnuPG 2.4 cannot be had here ($*): the tests that need it are skipped"
    [ "${CI:-}" = true ] && exit 1
    exit 0
}

if stands; then
    say "nothing to do, $tree stands"
    exit 0
fi

for tool in apt-get dpkg-deb flock; do
    command -v "$tool" >/dev/null || give_up "$tool is absent"
done

begin "$(dirname -- "$servers")"
mkdir -p "$work/debs" "$work/tree" "$work/cache/partial" "$work/lists/partial"
: >"$work/no-packages"

# The repositories that this machine knows for its own release; a private list of the same servers
# for another release asks nothing new of the network.
mirrors() {
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016  # the fields are apt's, not the shell's
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
        sed -n "s/^$codename main //p" | sort -u
}

trusted=
[ -r "$keys" ] && trusted="[signed-by=$keys] "
mirrors 2>/dev/null | while read -r mirror; do
    printf 'deb %s%s %s main\n' "$trusted" "$mirror" "$release"
done >"$work/sources.list"
[ -s "$work/sources.list" ] || give_up "apt names no mirror of this machine's release"

# The sandbox account of apt cannot write below a directory that only its owner may enter.
apt() {
    apt-get -q -y -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=false \
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/no-packages" \
        -o Dir::Cache="$work/cache" -o Dir::Cache::Archives="$work/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=3 "$@" </dev/null
}

# What is needed where nothing is installed: programs and libraries, no packages for every machine.
packages() {
    # shellcheck disable=SC2086  # a list of words
    apt -s install $wanted |
        sed -n 's/^Inst \([^ ]*\) .*\[\([^]]*\)\][^]]*$/\2 \1/p' | sed -n '/^all /!s/^[^ ]* //p'
}

apt update >"$work/log" 2>&1 || :  # a source that fails may not matter: the download decides
fetched() {
    list=$(packages) && [ -n "$list" ] || return 1
    # shellcheck disable=SC2086  # a list of words
    (cd "$work/debs" && apt download $list)
}

if ! fetched >>"$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    give_up "no mirror of this machine gave Debian $release, see apt's words above"
fi

for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work/tree"
done

# GnuPG's own layout below a root directory: bin, libexec, lib, share/gnupg.
made=$work/gnupg24
mkdir -p "$made/bin" "$made/libexec" "$made/lib" "$made/share" "$made/etc"
cp -P "$work"/tree/usr/bin/gpg* "$work"/tree/usr/bin/dirmngr* "$made/bin/"
for name in "$made"/bin/*; do
    # The Debian packages keep scripts and aliases beside programs; only programs are wanted.
    [ "$(head -c 4 "$name" | tail -c 3)" = ELF ] || rm -f "$name"
done
find "$work"/tree/usr/lib/gnupg "$work"/tree/usr/lib/gnupg2 -type f -exec cp {} "$made/libexec/" \;
cp -P "$work"/tree/usr/lib/*-linux-gnu*/*.so* "$made/lib/"
cp -R "$work/tree/usr/share/gnupg" "$made/share/" 2>/dev/null || :
printf 'rootdir = %s\n' "$tree" >"$made/bin/gpgconf.ctl"
cp "$made/bin/gpgconf.ctl" "$made/libexec/"

loader=$(basename "$(find "$made/lib" -name 'ld-linux*.so*' | head -n 1)")
[ -n "$loader" ] || give_up "the release has no loader that we know"
"$made/lib/$loader" --library-path "$made/lib" "$work/tree/usr/bin/patchelf" --version >/dev/null
for program in "$made"/bin/* "$made"/libexec/*; do
    [ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
    "$made/lib/$loader" --library-path "$made/lib" "$work/tree/usr/bin/patchelf" \
        --set-interpreter "$tree/lib/$loader" --force-rpath --set-rpath "$tree/lib" "$program"
done

{
    echo "$stamp"
    for deb in "$work"/debs/*.deb; do
        # shellcheck disable=SC2016  # the fields are dpkg's, not the shell's
        dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb"
    done
} >"$made/.stamp"
rm -rf "$tree"
mv "$made" "$tree"
if ! "$tree/bin/gpg" --version >/dev/null; then
    rm -rf "$tree"
    give_up "its programs do not run on this machine"
fi
say "$("$tree/bin/gpg" --version | head -n 1) in $tree, nothing installed"
