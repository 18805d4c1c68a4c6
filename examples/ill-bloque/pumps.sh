#!/bin/sh
# Three pumps tell their pressure five times a second: pumps.sh BAR SECONDS
# Run it from CoreC's folder, with COREC_CONFIG as the walk-through of docs/OPERATIONS.md sets it.
set -eu
bar=$1
times=$(($2 * 5))
while [ "$times" -gt 0 ]; do
  now=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
  for pump in north south west; do
    printf '{"pump":"%s","bar":%s,"time":"%s"}\n' "$pump" "$bar" "$now"
  done
  times=$((times - 1))
  sleep 0.2
done | ./corec ingest - --bloque pumps --map clave=pump,valor=bar,ts=time
