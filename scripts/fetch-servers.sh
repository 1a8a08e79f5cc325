#!/bin/sh
# Fetch the real servers and readers of the test suite, and install nothing.
#
# Rules of this file:
# - Packages are downloaded with apt and unpacked with dpkg-deb -x into one tree. No package is
#   installed, no package script runs, no account is made, no daemon is started, and a mail server
#   that the machine runs is never touched. Root is not needed.
# - The tree is $GPGMAIL_SERVERS, by default .cache/servers in the project. It appears by one rename,
#   with its stamp inside: a run that was interrupted leaves nothing that looks finished.
# - Libraries that the machine has are used from where they are; only missing ones are unpacked.
# - apt's lists are read as the machine has them. Only when they do not serve, a private copy of the
#   lists is fetched into the cache directory; the machine's own lists stay as they are.
# - Exit 0: the tree stands, or apt is absent and this is not CI. Exit 1: it does not stand.
# shellcheck disable=SC2086,SC2116  # lists of words are split on purpose
set -eu

# The programs that tests start come first; they are unpacked even when the machine has them too,
# so that every run tests the same layout.
wanted="postfix sasl2-bin libsasl2-modules libsasl2-modules-db notmuch
    dovecot-core libsasl2-modules-gssapi-mit
    krb5-admin-server krb5-kdc krb5-user python3-decorator python3-gssapi
    libengine-pkcs11-openssl softhsm2
    dante-server gnupg1 libnss-wrapper microsocks openssh-client openssh-server tinyproxy-bin
    git-email libmailtools-perl gosop mutt neomutt rnp s-nail sq sqop
    dbus-daemon gnome-keyring pinentry-tty"
conflicting=exim4-daemon-heavy  # with postfix, for apt
wanted=$(echo $wanted)  # one line

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tree=${GPGMAIL_SERVERS:-$project/.cache/servers}
if [ -r /etc/os-release ]; then
    # shellcheck source=/dev/null
    . /etc/os-release
fi
stamp="$wanted $conflicting; ${ID:-unknown} ${VERSION_ID:-unknown} $(uname -m)"

self=fetch-servers
# shellcheck source=scripts/tree.sh
. "$(dirname -- "$0")/tree.sh"

if stands; then
    say "nothing to do, $tree stands ($(tail -n +2 "$tree/.stamp" | tr '\n' ' '))"
    exit 0
fi

for tool in apt-get dpkg-deb dpkg-query flock; do
    if ! command -v "$tool" >/dev/null; then
        say "$tool is absent: the real servers cannot be fetched here, their tests are skipped"
        [ "${CI:-}" != true ]
        exit
    fi
done

begin "$(dirname -- "$tree")"
mkdir -p "$work/debs" "$work/tree" "$work/cache/partial" "$work/lists/partial"
: >"$work/no-packages"
lists=""

# The sandbox account of apt cannot write below a project directory that only its owner may enter.
apt() {
    apt-get -q -y $lists -o APT::Sandbox::User="$(id -un)" -o Dir::Cache="$work/cache" \
        -o Dir::Cache::archives="$work/cache" -o APT::Install-Recommends=false \
        -o Acquire::Retries=3 "$@" </dev/null
}

# What has to be unpacked: everything that the wanted packages need on an empty machine (asked so that
# an installed package that conflicts does not change the answer; apt takes seconds for each answer),
# without what is installed here, and without packages for every architecture that nobody wants by
# name, which hold no program and no library that is used.
missing() {
    : >"$work/plan"
    for names in "$wanted" "$conflicting"; do
        apt -s -o Dir::State::status="$work/no-packages" install $names >>"$work/plan" || return 1
    done
    sed -n 's/^Inst \([^ ]*\) .*\[\([^]]*\)\][^]]*$/\1 \2/p' "$work/plan" |
        while read -r name architecture; do
            case " $wanted $conflicting " in
            *" $name "*) echo "$name" && continue ;;
            esac
            [ "$architecture" = all ] && continue
            case $(dpkg-query -W -f '${db:Status-Abbrev}\n' "$name" 2>/dev/null) in
            ii*) ;;
            *) echo "$name" ;;
            esac
        done | sort -u
}

download() {
    packages=$(missing 2>"$work/log") && [ -n "$packages" ] || return 1
    (cd "$work/debs" && apt download $packages) >"$work/log" 2>&1
}

if ! download; then
    say "apt's lists do not serve ($(tail -n 1 "$work/log")); fetching private ones"
    lists="-o Dir::State::lists=$work/lists"
    apt update || :  # one source that fails may not matter: the download decides
    if ! download; then
        cat "$work/log" >&2
        say "the download failed: see apt's words above"
        exit 1
    fi
fi

for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work/tree"
done
{
    echo "$stamp"
    for deb in "$work"/debs/*.deb; do
        # shellcheck disable=SC2016  # the fields are dpkg's, not the shell's
        dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb"
    done
} >"$work/tree/.stamp"
chmod 755 "$work/tree"
for other in gnupg24 node; do  # made by fetch-gnupg24.sh and fetch-node.sh, under the same lock
    if [ -d "$tree/$other" ]; then
        mv "$tree/$other" "$work/tree/"
    fi
done
rm -rf "$tree"
mv "$work/tree" "$tree"
say "unpacked into $tree, nothing installed:"
tail -n +2 "$tree/.stamp" | sed 's/^/  /'
