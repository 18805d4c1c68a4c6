#!/usr/bin/env bash
# The example in one command: sets itself up, takes the flights in, tells what was odd.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
here=${self%/*}
root=${here%/*/*}
. "$root/scripts/bootstrap.sh"
corec_bootstrap prod
# npm writes node_modules/.package-lock.json last of all: a finished install is never older than its lock file.
events=$here/events
if [ ! -f "$events/node_modules/.package-lock.json" ] || [ "$events/package-lock.json" -nt "$events/node_modules/.package-lock.json" ]; then
  corec_say "installing the packages of this example (npm ci, once: 42 MB, 13 of them the flights)"
  (cd "$events" && corec_npm ci) || corec_die "the packages could not be installed (npm's words are above)"
fi
exec node --disable-warning=ExperimentalWarning "$here/main.ts" "$@"
