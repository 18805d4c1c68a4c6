#!/bin/sh
# Writes .env beside docker-compose.yml: .env.example with a new secret wherever that has an empty one. Only its owner can read it.
# Never touches a .env that is there: the databases already know the passwords in it.
set -eu
root=$(dirname -- "$0")/..
env=${1:-$root/.env}
if [ -e "$env" ]; then
  echo "$env is there already and stays as it is" >&2
  exit 0
fi
umask 077
while IFS= read -r line; do
  case $line in
    *_PASSWORD= | *_TOKEN=) line=$line$(od -An -N 24 -t x1 /dev/urandom | tr -d ' \n') ;;
  esac
  printf '%s\n' "$line"
done <"$root/.env.example" >"$env.new"
mv "$env.new" "$env"
echo "$env is written; start with: docker-compose up -d" >&2
