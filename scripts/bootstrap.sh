# shellcheck shell=bash
# Owns: a Node that is new enough and the installed packages, on a machine that has only some Node and npm.
# Sourced by ./corec and ./test.sh with `root` set to the project's folder. Leaves to them what is run afterwards.
#
# B1  Nothing here writes to stdout: the output of a command belongs to the command.
# B2  A warm start writes nothing, takes no lock and starts no npm: only `node -v` and a look at two timestamps.
# B3  Node comes first: under an older Node, npm silently picks older versions of packages.
# B4  Development packages, once installed, are never taken away by a start that could do without them.
# B5  Programs of the system are installed for tests alone (mode all), and never a service. What cannot be installed is told with the
#     line that does it; the tests that need it fail, and say the same.

corec_node_version=24.21.0
corec_node_major_min=24

corec_say() { printf 'corec: %s\n' "$*" >&2; }
corec_die() {
  corec_say "$@"
  exit 1
}

# Major version of a node executable, 0 when it does not run at all (absent, other libc, other processor).
corec_node_major() {
  local version
  version=$("$1" -v 2>/dev/null) || version=v0.
  version=${version#v}
  version=${version%%.*}
  printf '%s' "${version:-0}"
}

# Puts a Node >= 24 first in PATH when one is here already; fails when there is none.
corec_use_node() {
  if command -v node >/dev/null && [ "$(corec_node_major node)" -ge "$corec_node_major_min" ]; then return 0; fi
  local bin="$root/.node/node_modules/node-linux-$corec_arch/bin"
  [ -x "$bin/node" ] && [ "$("$bin/node" -v 2>/dev/null)" = "v$corec_node_version" ] || return 1
  PATH="$bin:$PATH"
  export PATH
}

# npm writes node_modules/.package-lock.json last of all, so a finished install is never older than its lock file.
corec_packages_ready() {
  local installed="$root/node_modules/.package-lock.json"
  [ -f "$installed" ] && [ ! "$root/package-lock.json" -nt "$installed" ] || return 1
  [ "$1" = prod ] || corec_has_dev
}
corec_has_dev() { [ -f "$root/node_modules/typescript/package.json" ]; }

# npm's words are shown only when it fails. A service user may have no home of its own to keep npm's cache in.
corec_npm() {
  command -v npm >/dev/null || corec_die "npm was not found in PATH; install Node.js with npm (any version) and start again"
  local log status=0
  log=$(mktemp)
  if [ -z "${npm_config_cache:-}" ] && ! mkdir -p "${HOME:-/nonexistent}/.npm" 2>/dev/null; then
    export npm_config_cache="$root/.node/npm-cache"
  fi
  npm "$@" --no-audit --no-fund --ignore-scripts >"$log" 2>&1 </dev/null || status=$?
  [ "$status" -eq 0 ] || sed 's/^/  /' "$log" >&2
  rm -f "$log"
  return "$status"
}

# The cold path, by one process at a time; the second one finds the work done.
corec_install() {
  local mode=$1
  local flags=(ci)
  if ! corec_use_node; then
    corec_say "Node $corec_node_major_min or newer was not found; fetching Node $corec_node_version into .node/ (once)"
    [ "$(uname -s)" = Linux ] && [ -n "$corec_arch" ] ||
      corec_die "there is no bundled Node for $(uname -s) $(uname -m); install Node >= $corec_node_major_min and start again"
    # An interrupted fetch leaves a folder that npm would take for a finished one.
    rm -rf "$root/.node/node_modules"
    corec_npm install --prefix "$root/.node" --no-save "node-linux-$corec_arch@$corec_node_version" ||
      corec_die "Node $corec_node_version could not be fetched (npm's words are above); install Node >= $corec_node_major_min yourself or mend npm's registry access"
    corec_use_node || corec_die "the fetched Node $corec_node_version does not run here (it needs glibc); install Node >= $corec_node_major_min and start again"
  fi
  if ! corec_packages_ready "$mode"; then
    if [ "$mode" = prod ] && ! corec_has_dev; then flags+=(--omit=dev); fi
    corec_say "installing packages (npm ${flags[*]})"
    (cd "$root" && corec_npm "${flags[@]}") || corec_die "the packages could not be installed (npm's words are above)"
  fi
}

# Tests run against real Redis servers, and make certificates. Debian has the server's program in redis-tools (as redis-check-rdb, see
# test/servers/redis/binary.ts); the package redis-server would start a service.
corec_has_redis() {
  { command -v redis-server || command -v redis-check-rdb; } >/dev/null && command -v openssl >/dev/null
}
corec_test_programs() {
  corec_has_redis && return 0
  local log apt=(apt-get -qq -o DPkg::Lock::Timeout=120)
  log=$(mktemp)
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    corec_say "installing redis-tools and openssl for the tests (apt-get, once)"
    export DEBIAN_FRONTEND=noninteractive
    {
      timeout 240 "${apt[@]}" install -y --no-install-recommends redis-tools openssl ||
        { timeout 120 "${apt[@]}" update && timeout 240 "${apt[@]}" install -y --no-install-recommends redis-tools openssl; }
    } >"$log" 2>&1 </dev/null || tail -n 3 "$log" | sed 's/^/  /' >&2
  fi
  rm -f "$log"
  corec_has_redis || corec_say "tests of Redis will fail: they need its server and openssl; as root: apt-get install redis-tools openssl"
}

# corec_bootstrap prod|all: afterwards `node` is >= 24 and the packages are those of package-lock.json.
corec_bootstrap() {
  case "${HOSTTYPE:-}" in
    x86_64) corec_arch=x64 ;;
    aarch64 | arm64) corec_arch=arm64 ;;
    *) corec_arch= ;;
  esac
  if ! corec_use_node || ! corec_packages_ready "$1"; then
    mkdir -p "$root/.node" 2>/dev/null && [ -w "$root/.node" ] ||
      corec_die "$root needs its packages installed and user $(id -un) may not write there; run ./corec once as the folder's owner"
    if command -v flock >/dev/null; then
      exec {corec_lock}>"$root/.node/.lock"
      flock -n "$corec_lock" || {
        corec_say "waiting for another start that is installing"
        flock "$corec_lock"
      }
      corec_install "$1"
      exec {corec_lock}>&-
    else
      corec_install "$1"
    fi
    corec_use_node || corec_die "Node >= $corec_node_major_min is still missing after the installation"
  fi
  [ "$1" != all ] || corec_test_programs
  # Compiled code is kept between starts: it is what makes the launcher quick (0.4 s to 0.13 s for 300 files).
  export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/.node/compile-cache}"
}
