# Shared by tools/quickstart and tools/test. Sourced, from the project's root.

build_packages=(g++ meson ninja-build pkg-config libseccomp-dev libcap-dev nlohmann-json3-dev libcli11-dev
  libarchive-dev libssl-dev libisal-dev libzstd-dev liblzma-dev libbz2-dev libsystemd-dev)

step() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }

# Goes on as root: through sudo where it is there.
need_root() {
  [ "$(id -u)" = 0 ] && return
  if command -v sudo >/dev/null; then exec sudo -E "$0" "$@"; fi
  echo "$0: has to run as root, and sudo is not installed" >&2
  exit 1
}

# Installs those of the packages that are not installed, and says so.
install_missing() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    say "all there"
    return
  fi
  say "apt-get install ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "$0: apt-get could not install these packages" >&2
    exit 1
  fi
  rm -f "$log"
}

# Sets a build directory up; what Meson has to say is of interest only when it fails.
configure() {
  local log=$1-setup.log
  meson setup "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

# The release programs, at build/minirun and beside it. Without the tests, which need more packages, unless
# `build_release -Dtests=true` asks for them.
build_release() {
  mkdir -p build
  if [ ! -f build/release/build.ninja ]; then
    configure build/release --buildtype=release "${1:--Dtests=false}"
  elif [ $# -gt 0 ] && ! meson introspect --buildoptions build/release | grep -q '"name": "tests", "value": true'; then
    meson configure build/release "$1"
  fi
  ninja -C build/release
  local program
  for program in minirun minirun-oci minirun-image minirun-systemd; do
    if [ -x "build/release/src/$program" ]; then ln -sfn "release/src/$program" "build/$program"; fi
  done
}

free_port() {
  local port
  for port in $(seq 8080 8179); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo "$0: no free port between 8080 and 8179" >&2
  exit 1
}
