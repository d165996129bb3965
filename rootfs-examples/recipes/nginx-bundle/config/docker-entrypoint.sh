#!/bin/sh
# Gives nginx its port and a place to write, then becomes the command.
set -eu

say() { echo "docker-entrypoint.sh: $*" >&2; }

# Everything that nginx writes goes below one directory: the first of these that takes it, so that the
# root may be read-only as long as one of them is not.
writable_directory() {
    for dir in /run /tmp /dev/shm; do
        if mkdir -p "$dir/nginx" 2>/dev/null && [ -O "$dir/nginx" ] && [ -w "$dir/nginx" ]; then
            echo "$dir/nginx"
            return
        fi
    done
    say "nowhere to write: /run, /tmp and /dev/shm are all read-only"
    exit 1
}

# /etc/nginx/nginx.conf is a complete configuration for port 80, /run/nginx and a log on stdout; this
# changes those three.
configuration() {
    sed -e "s,/run/nginx,$1,g" -e "s,listen 80;,listen $2;$(listen_ipv6 "$2")," \
        -e "s,access_log .*;,access_log $3;," /etc/nginx/nginx.conf
}

# Only where IPv6 is on: otherwise nginx would refuse to start.
listen_ipv6() { if [ -s /proc/net/if_inet6 ]; then echo " listen [::]:$1;"; fi; }

port=${NGINX_PORT:-80}
case $port in
    *[!0-9]* | '' | 0* | ??????*) say "NGINX_PORT is not a port: '$port'"; exit 64 ;;
esac
if [ "$port" -gt 65535 ]; then say "NGINX_PORT is not a port: '$port'"; exit 64; fi

if [ "${1-}" = nginx ]; then
    shift
    state=$(writable_directory)
    # nginx opens its log by name: that fails on a socket, and on somebody else's pipe.
    log=/dev/stdout
    if ! (: >> "$log") 2>/dev/null; then
        say "stdout cannot be opened by name; there is no access log"
        log=off
    fi
    configuration "$state" "$port" "$log" > "$state/nginx.conf"
    set -- nginx -c "$state/nginx.conf" "$@"
fi

exec "$@"
