#!/bin/sh
# Starts the Redis of docker-compose.yml: one user, with the rights that docs/OPERATIONS.md asks for CoreC and PING for the health
# check; everybody else is refused. Options of redis-server may follow.
#
# The configuration goes in by standard input and holds a hash, so the password is on no command line and in no file.
# noeviction: a stream thrown out to make room would take its alerts along, while a full Redis only refuses, and CoreC says so. What
# streams need is bounded by redis_config.maxlen.
# The default user is off, and keeps its rights: Redis 7 reads its own append-only file as that user, and would else skip every
# transaction in it, which is all that CoreC appends.
set -eu
hash=$(printf '%s' "${REDIS_PASSWORD:?}" | sha256sum | cut -d ' ' -f 1)
exec docker-entrypoint.sh redis-server "$@" - <<CONFIG
user default off ~* &* +@all
user ${REDIS_USER:?} on #$hash ~corec_* ~{corec_* -@all +multi +exec +eval +xadd +xlen +xread +xreadgroup +xack +xautoclaim +xpending +xrevrange +xsetid +xgroup|create +xgroup|destroy +xinfo|stream +exists +get +set +hget +hmget +hset +hdel +expire +client|setname +cluster|slots +asking +ping
appendonly yes
appendfsync everysec
save ""
maxmemory 160mb
maxmemory-policy noeviction
CONFIG
