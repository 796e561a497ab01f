# shellcheck shell=bash
# What build, patches and check share. They source it from the root folder.

say() { printf '%s\n' "${0##*/}: $*"; }
loud() { printf '\n%s\n\n' "*** ${0##*/}: $*" >&2; }
die() { printf '%s\n' "${0##*/}: $*" >&2; exit 1; }

# No silent end: what set -e stops at is at least named.
set -E
trap '[ $BASH_SUBSHELL != 0 ] || echo "${0##*/}: stopped at line $LINENO: $BASH_COMMAND" >&2' ERR

# Neither the user's nor the machine's git settings may change what we apply
# or export, and a tree that another user owns (root in a container) is fine.
private_git() {
    mkdir -p build
    printf '[safe]\n\tdirectory = *\n[user]\n\tname = equi2multi\n\temail = equi2multi@localhost\n[gc]\n\tauto = 0\n' > build/.gitconfig.$$
    mv build/.gitconfig.$$ build/.gitconfig
    export GIT_CONFIG_GLOBAL=$PWD/build/.gitconfig GIT_CONFIG_NOSYSTEM=1
    unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
}

# Run a command with its output in build/LOG.log, all but silently; a failure
# names the step and the log and shows how it ended.
step() {
    local log=build/$1.log what=$2
    shift 2
    say "$what"
    "$@" > "$log" 2>&1 < /dev/null && return
    tail -n 20 "$log" >&2
    die "failed: $what; all of its output: $PWD/$log"
}
