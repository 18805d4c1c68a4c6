#!/usr/bin/env bash
# The one check of the project, with all its own set-up. The last line is `N passed, N failed`.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
root=${self%/*}
cd "$root"
. "$root/scripts/bootstrap.sh"
trap 'echo "0 passed, 1 failed"' EXIT
corec_bootstrap all
trap - EXIT
exec npm run --silent check -- "$@"
