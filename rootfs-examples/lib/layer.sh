# shellcheck shell=bash
# Layers: each is what one step changed above the layers below it, as overlayfs itself sees it.

# layer NAME STEP [ARGUMENT…]
#
# Runs the step with $ROOT holding all layers so far, merged. Every change lands in the overlay's upper
# directory, and that is the layer: new and replaced files, a 0/0 character device for each deletion
# (whiteout), trusted.overlay.opaque on each directory that was deleted and made anew.
layer() {
    local name=$1 began=$SECONDS
    shift
    ROOT=$WORK/root
    mkdir "$WORK/upper" "$ROOT"

    mount_layers_below
    "$@" >> "$LOG" 2>&1
    umount --recursive "$ROOT"
    tidy "$WORK/upper" >> "$LOG" 2>&1
    keep "$name" "$*"
    rm -rf "$WORK/upper" "$WORK/overlay" "$ROOT"

    printf '  layer %-12s %6s %7s files  %4s s  %s\n' "$name" "$(size_of "$BUNDLE/layers/$name")" \
        "$(find "$BUNDLE/layers/$name" -mindepth 1 | wc -l)" "$((SECONDS - began))" "$*"
}

# The options are the kernel's defaults in most builds, and said here because a layer must mean the same
# on top of any copy of its base: a redirect or a metacopy would refer to this one.
mount_layers_below() {
    if ((${#LAYERS[@]} == 0)); then
        mount --bind "$WORK/upper" "$ROOT"
        return
    fi
    local lower='' dir
    for dir in "${LAYERS[@]}"; do lower=$dir${lower:+:$lower}; done      # overlayfs wants the top first
    mkdir "$WORK/overlay"
    mount -t overlay overlay "$ROOT" \
        -o "lowerdir=$lower,upperdir=$WORK/upper,workdir=$WORK/overlay,redirect_dir=off,metacopy=off,index=off" \
        2>> "$LOG" || die "overlayfs cannot write to this file system: give another with --output"
}

# What no image should carry: caches, logs, old copies, device nodes. None of this is in a lower layer
# either, so removing it from the upper directory leaves no trace, not even a whiteout.
tidy() {
    local layer=$1 dir
    for dir in dev tmp var/tmp; do
        if [[ -d $layer/$dir ]]; then find "$layer/$dir" -mindepth 1 -delete; fi
    done
    # Directories stay: packages and apt expect theirs.
    for dir in run var/cache/apt var/cache/ldconfig var/lib/apt/lists; do
        if [[ -d $layer/$dir ]]; then find "$layer/$dir" ! -type d -delete; fi
    done
    if [[ -d $layer/var/log ]]; then find "$layer/var/log" -type f -delete; fi
    rm -f "$layer"/var/cache/debconf/*-old "$layer"/var/lib/dpkg/*-old
    rm -f "$layer"/etc/{passwd,group,shadow,gshadow,subuid,subgid}- "$layer"/etc/.pwd.lock
}

# Copies the upper directory into the bundle through tar, which leaves overlayfs's private notes about
# this very mount (trusted.overlay.origin, .impure) behind.
keep() {
    local name=$1 step=$2 dir=$BUNDLE/layers/$1
    mkdir "$dir"
    pack "$WORK/upper" --xattrs-exclude=trusted.overlay.opaque . | unpack "$dir"
    # Overlayfs marks every new directory as opaque, to save itself a look below. As part of an image the
    # mark says that something is deleted, so it stays only where that is true.
    directories_over_others "$WORK/upper" |
        pack "$WORK/upper" --no-recursion --null --files-from=- | unpack "$dir"
    LAYERS+=("$dir")
    DIFF_IDS+=("$(diff_id "$dir")")
    HISTORY+=("$(history_entry "$name: $step")")
}

# The directories of a new layer that are also in one below, each ended by a NUL.
directories_over_others() {
    local path lower
    (cd "$1" && find . -mindepth 1 -type d -print0) | while IFS= read -r -d '' path; do
        for lower in "${LAYERS[@]}"; do
            if [[ -d $lower/$path ]]; then
                printf '%s\0' "$path"
                break
            fi
        done
    done
}

# The DiffID of a layer is the SHA-256 of its tar. Nobody made a tar of these layers, so it is taken from
# the one tar that a given directory always packs to: sorted, numeric, without atime, ctime or pids in
# it. Deletions stand in it in overlayfs form, not as the .wh. files of an OCI archive.
diff_id() { pack "$1" . | sha256sum | sed 's/^/sha256:/; s/ .*//'; }

XATTRS=(--xattrs --xattrs-include=trusted.overlay.opaque --xattrs-include=security.capability
    --xattrs-include='user.*')

pack() {
    tar --create --directory "$1" --sort=name --numeric-owner --format=posix "${XATTRS[@]}" \
        --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' "${@:2}"
}

unpack() { tar --extract --directory "$1" --numeric-owner --same-permissions "${XATTRS[@]}"; }

# Begins the bundle with another's layers. The links are relative: both bundles can move together.
share_layers_of() {
    local base=$1 dir name
    for dir in "$OUT/$base/layers"/*; do
        name=${dir##*/}
        ln -s "../../$base/layers/$name" "$BUNDLE/layers/$name"
        LAYERS+=("$(readlink -f "$dir")")
        printf '  layer %-12s %6s shared with %s\n' "$name" "$(size_of "$dir/")" "$base"
    done
    mapfile -t DIFF_IDS < <(diff_ids "$OUT/$base/config.json")
    mapfile -t HISTORY < <(history_entries "$OUT/$base/config.json")
}

# --- steps ---------------------------------------------------------------------------------------

# Lays a folder of the recipe over the root. Owners and modes come from here, not from whoever checked
# the recipe out, and a directory that is there already keeps its own.
add_files() {
    tar --create --directory "$RECIPE/$1" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' . |
        tar --extract --directory "$ROOT" --no-overwrite-dir --same-permissions
}
