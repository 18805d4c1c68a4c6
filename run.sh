#!/usr/bin/env bash
# Starts CoreC with the shipped configuration; the arguments go to `corec run`.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
exec "${self%/*}/corec" run "$@"
