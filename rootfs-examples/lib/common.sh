# shellcheck shell=bash
# What every part uses: speaking, asking the host for tools, locks.

say() { printf '%s\n' "$*"; }
complain() { printf 'build: %s\n' "$*" >&2; }
die() { complain "$*"; exit 1; }

size_of() { du -sh "$1" | cut -f1; }

# Never follows a mount: nothing should be mounted there, and if it is, it is not ours to delete.
remove() { rm -rf --one-file-system -- "$1"; }

# need COMMAND:PACKAGE… or need /a/file:PACKAGE…
need() {
    local pair what
    local -a missing=()
    for pair in "$@"; do
        what=${pair%:*}
        if [[ $what == /* ]]; then [[ -e $what ]]; else command -v "$what" >/dev/null; fi ||
            missing+=("${pair##*:}")
    done
    ((${#missing[@]})) || return 0

    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    command -v apt-get >/dev/null || die "these recipes build on Debian and Ubuntu: they need apt-get and dpkg"
    [[ $INSTALL ]] || die "this needs ${missing[*]}: apt-get install ${missing[*]}, or run build --install"
    say "installing on this host: ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null ||
        die "apt-get could not install ${missing[*]}"
}

# One lock per bundle: exclusive to build it, shared while another bundle is built on it.
lock() {
    local fd=$1 mode=$2 name=$3
    open_lock "$fd" "$name"
    if ! flock --nonblock "--$mode" "$fd"; then
        say "$name: waiting for another build of it"
        flock "--$mode" "$fd"
    fi
}

open_lock() {
    mkdir -p "$OUT/.build"
    case $1 in
        8) exec 8> "$OUT/.build/$2.lock" ;;
        9) exec 9> "$OUT/.build/$2.lock" ;;
    esac
}

unlock() {
    case $1 in
        8) exec 8>&- ;;
        9) exec 9>&- ;;
    esac
}
