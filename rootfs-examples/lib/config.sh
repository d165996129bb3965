# shellcheck shell=bash
# The image config: what the recipe says ("config"), and what the layers are ("rootfs", "history").

write_config() {
    cat <<END
{
  "created": "$(now)",
  "architecture": "$(oci_architecture)",
  "os": "linux",
  "config": $(sed '2,$s/^/  /' "$RECIPE/config.json"),
  "rootfs": {
    "type": "layers",
    "diff_ids": [
$(printf '"%s"\n' "${DIFF_IDS[@]}" | json_list 6)
    ]
  },
  "history": [
$(printf '%s\n' "${HISTORY[@]}" | json_list 4)
  ]
}
END
}

# One element a line, which is also what makes the two readers below so short.
json_list() { sed "s/^/$(printf '%*s' "$1" '')/; \$!s/\$/,/"; }

diff_ids() { list_in "$1" diff_ids | tr -d '"'; }
history_entries() { list_in "$1" history; }
list_in() { sed -n "/^ *\"$2\": \[\$/,/^ *\]/ { /[][]\$/d; /^ *\]/d; s/^ *//; s/,\$//; p }" "$1"; }

history_entry() {
    local what=${1//\\/\\\\}
    printf '{ "created": "%s", "created_by": "%s" }\n' "$(now)" "${what//\"/\\\"}"
}

now() { date --utc +%Y-%m-%dT%H:%M:%SZ; }

# Image configs use Go's names of architectures.
oci_architecture() {
    case $(dpkg --print-architecture) in
        i386) echo 386 ;;
        armhf | armel) echo arm ;;
        ppc64el) echo ppc64le ;;
        mips64el) echo mips64le ;;
        *) dpkg --print-architecture ;;
    esac
}
