#!/bin/sh
# Starts the Redis of docker-compose.yml: one user, who reaches CoreC's streams and nothing else; everybody else is refused.
#
# The configuration goes in by standard input and holds a hash, so the password is on no command line and in no file.
# noeviction: a stream thrown out to make room would take its alerts along, while a full Redis only refuses, and CoreC says so. What
# streams need is bounded by redis_config.maxlen.
set -eu
hash=$(printf '%s' "${REDIS_PASSWORD:?}" | sha256sum | cut -d ' ' -f 1)
exec docker-entrypoint.sh redis-server - <<CONFIG
user default off
user ${REDIS_USER:?} on #$hash resetchannels &corec_* ~corec_* ~{corec_* +@all -@admin -@dangerous
dir /data
appendonly yes
appendfsync everysec
maxmemory 160mb
maxmemory-policy noeviction
CONFIG
