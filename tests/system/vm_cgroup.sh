# What test_vm.py runs as root in the machine: a line "NAME: RESULT" for each of its cases. Beside it in the directory are
# minirun, busybox and minirun-systemd (if that was built).
cd "$(dirname "$0")" || exit 1
export MINIRUN_ROOT=/var/tmp/minirun
mkdir -p root/bin root/proc root/sys root/dev root/etc root/tmp
cp busybox root/bin/
for applet in sh true cat sleep mknod head wc; do ln -sf busybox "root/bin/$applet"; done
chmod 755 minirun

# case NAME OPTIONS… -- COMMAND…: what it printed, in one line, and its exit code.
case_of() {
  name=$1
  shift
  options=
  while [ "$1" != -- ]; do options="$options $1"; shift; done
  shift
  # shellcheck disable=SC2086
  out=$(timeout 120 ./minirun run $options --rootfs root "$@" 2>&1)
  code=$?
  echo "$name: $(echo "$out" | tr '\n' ' ')[$code]"
}

case_of plain -- true
case_of written -m 64m --cpus 0.5 --cpu-shares 2048 --cpuset-cpus 0 --pids-limit 20 -- \
  sh -c 'cd /sys/fs/cgroup; cat memory.max memory.swap.max cpu.max cpu.weight cpuset.cpus pids.max'
case_of oom -m 20m --memory-swap 20m -- sh -c 'x=0123456789abcdef; while true; do x=$x$x; done'
case_of little -m 512k -- true
case_of none-to-speak-of -m 4k -- true
case_of namespace --pids-limit 20 -- cat /proc/self/cgroup
case_of read-only --pids-limit 20 -- sh -c 'echo 5 >/sys/fs/cgroup/pids.max'
case_of own-view --pids-limit 20 --cgroupns host -- cat /sys/fs/cgroup/pids.max
case_of user-namespace --pids-limit 20 --userns private -- cat /sys/fs/cgroup/pids.max
case_of init --pids-limit 20 --init -- cat /sys/fs/cgroup/pids.max
out=$(./minirun run --cap-add MKNOD --device-cgroup-rule 'c 10:200 r' --rootfs root sh -c \
  'mknod /dev/kmsg2 c 1 11 && mknod /dev/zero2 c 1 5; cat /dev/kmsg2; head -c 1 /dev/zero2 | wc -c' 2>&1)
echo "device-rules: $(echo "$out" | tr '\n' ' ')"
case_of notice --memory-swappiness 5 -- true

# exec goes on from a read-only mount, which has no path, without being begun anew.
./minirun run -d --name web --rootfs root sleep 1000 >/dev/null
./minirun exec web sh -c 'echo runs; exec sleep 100' >runs &
exec=$!
until grep -q runs runs; do sleep 0.2; done
echo "exec: $(tr '\0' ' ' </proc/$exec/cmdline | cut -c 1-15), $(tr '\0' '\n' </proc/$exec/environ | grep -c MINIRUN_OWN), $(readlink /proc/$exec/exe)"
./minirun rm -f web >/dev/null

./minirun run --pids-limit 20 --rootfs root sleep 100 &
minirun=$!
until [ "$(cat /sys/fs/cgroup/minirun-*/pids.max 2>/dev/null)" = 20 ]; do sleep 0.2; done
kill -9 $minirun
for _ in 1 2 3 4 5 6 7 8 9 10; do
  ./minirun run --rootfs root true
  [ -n "$(ls -d /sys/fs/cgroup/minirun* 2>/dev/null)" ] || break
done
echo "swept: $(ls -d /sys/fs/cgroup/minirun* 2>/dev/null)"
