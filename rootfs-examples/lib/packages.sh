# shellcheck shell=bash
# Steps that take packages. The host's apt does all the fetching, with the host's own sources, proxy,
# certificates and keys; only dpkg runs inside the root. So no list, no archive and no setting of the
# host ever enters a layer.

# Unpacks one package into the root, without its dependencies or its scripts.
unpack_package() {
    local package=$1 dir=$WORK/download
    mkdir -p "$dir/lists/partial"
    local -a fresh=(-o APT::Sandbox::User=root -o Dir::State::lists="$dir/lists"
        -o Dir::Cache::pkgcache='' -o Dir::Cache::srcpkgcache='')
    (
        cd "$dir" || exit
        # The host's lists, or if those are missing or out of date, lists of our own.
        apt-get -o APT::Sandbox::User=root download "$package" ||
            { apt-get "${fresh[@]}" update && apt-get "${fresh[@]}" download "$package"; }
    )
    dpkg-deb --extract "$dir"/*.deb "$ROOT"
    rm -rf "$dir"
}

# bootstrap FAMILY RELEASE: the smallest system of a release that can install packages (dpkg and apt).
bootstrap() {
    local family=$1 release=$2
    local -a sources
    mapfile -t sources < <(sources_for "$family" "$release")
    host_apt_settings > "$WORK/apt.conf"

    # Without sources (a Debian release on an Ubuntu host; a host that never ran apt-get update) mmdebstrap
    # takes the release's public mirror. The hook merges /usr where a release would install perl to do it.
    mmdebstrap --mode=root --variant=minbase --aptopt="$WORK/apt.conf" --dpkgopt="$HERE/lib/slim.dpkg.cfg" \
        --hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr "$release" "$ROOT" "${sources[@]}"

    mv "$ROOT"/etc/dpkg/dpkg.cfg.d/{99mmdebstrap,slim}
    rm -f "$ROOT"/etc/apt/apt.conf.d/{00,99}mmdebstrap
    # mmdebstrap copies the host's. Empty, they are there for a runtime to mount its own on.
    install -m 0644 /dev/null "$ROOT/etc/resolv.conf"
    install -m 0644 /dev/null "$ROOT/etc/hostname"
    printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > "$ROOT/etc/hosts"
}

# install_packages NAME…, without their recommendations, from the root's own sources.
install_packages() {
    mount_for_packages
    { root_apt_settings && host_apt_settings; } > "$WORK/apt.conf"
    keep_services_still

    local -x APT_CONFIG=$WORK/apt.conf DEBIAN_FRONTEND=noninteractive
    apt-get update --error-on=any
    env --unset=TMPDIR apt-get install --yes --no-install-recommends "$@"     # it does not exist in the root

    rm "$ROOT/usr/sbin/policy-rc.d"
}

# What scripts of packages expect to find, and a place that is not the layer for what apt fetches.
mount_for_packages() {
    local dir device
    mount -t proc proc "$ROOT/proc"
    for dir in run tmp var/cache/apt var/lib/apt/lists; do mount -t tmpfs -o mode=755 tmpfs "$ROOT/$dir"; done
    chmod 1777 "$ROOT/tmp"
    mkdir -p "$ROOT/var/cache/apt/archives/partial" "$ROOT/var/lib/apt/lists/partial"

    mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
    for device in null zero full random urandom tty; do
        touch "$ROOT/dev/$device"
        mount --bind "/dev/$device" "$ROOT/dev/$device"
    done
    ln -s /proc/self/fd "$ROOT/dev/fd"
}

# Debian's way to install a service without starting it. It is made and removed in the upper directory,
# so nothing of it is in the layer.
keep_services_still() {
    printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"
    chmod 755 "$ROOT/usr/sbin/policy-rc.d"
}

# The host's apt on another root. Its Dir makes it read that root's sources and settings, not the host's.
root_apt_settings() {
    local trusted parts
    eval "$(apt-config shell trusted Dir::Etc::trusted/f parts Dir::Etc::trustedparts/d)"
    cat <<END
Dir "$ROOT";
Dir::State::Status "$ROOT/var/lib/dpkg/status";
Dir::Etc::Trusted "$trusted";
Dir::Etc::TrustedParts "$parts";
DPkg::Chroot-Directory "$ROOT";
APT::Sandbox::User "root";
Acquire::Languages "none";
END
}

# How the host reaches its mirror: proxies, certificates, retries. None of its hooks.
host_apt_settings() {
    apt-config dump | grep '^Acquire::' |
        grep -Ev '^Acquire::(Changelogs|CompressionTypes|IndexTargets|Languages|GzipIndexes|cdrom)'
}

# The host's sources of this family, as lines for that release.
sources_for() {
    local family=$1 release=$2 own origin codename site suite component signed=''
    local keyring=/usr/share/keyrings/$family-archive-keyring.gpg
    own=$(host_release)
    if [[ -e $keyring ]]; then signed="[signed-by=$keyring] "; fi

    # shellcheck disable=SC2016    # apt expands these, not the shell
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        while read -r origin codename site suite component; do
            [[ ${origin,,} == "$family" ]] || continue
            # Sources may say "stable-updates", and Ubuntu's codename of noble-updates is noble.
            if [[ $suite != "$own"* ]]; then suite=$codename; fi
            case ${suite#"$own"} in
                '' | -updates | -security) echo "deb $signed$site $release${suite#"$own"} $component" ;;
            esac
        done | sort -u
}

host_release() { (. /etc/os-release && echo "${UBUNTU_CODENAME:-$VERSION_CODENAME}"); }
host_family() { (. /etc/os-release && if [[ ${UBUNTU_CODENAME-} ]]; then echo ubuntu; else echo debian; fi); }
