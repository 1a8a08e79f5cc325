# shellcheck shell=sh disable=SC2154  # what is not assigned here is by who reads this
# What the scripts share that fetch programs for tests; each says `self`, `tree` and `stamp` first.
#
# A tree appears by one rename with its stamp inside, so that a run that was interrupted leaves
# nothing that looks finished. One works at a time: fetch-servers.sh replaces all that is around the
# trees of the others.

say() {
    printf '%s: %s\n' "$self" "$*"
}

stands() {
    [ "$(head -n 1 "$tree/.stamp" 2>/dev/null)" = "$stamp" ]
}

# Make $work below the directory $1, beside the tree, or end where another run has made that.
begin() {
    mkdir -p "$1"
    exec 9>"$1/.fetch-servers.lock"
    flock 9
    if stands; then
        say "another run has just made $tree"
        exit 0
    fi
    work=$(mktemp -d "$1/.$self.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
}
