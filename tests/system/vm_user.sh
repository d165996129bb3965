# What test_vm.py runs as a user in the machine: scopes of the user's own systemd, and containers in them.
cd "$(dirname "$0")" || exit 1
sleep 1000 &
process=$!
./minirun-systemd --user start box.scope user.slice $process 'a test' Delegate=yes MemoryMax=67108864 TasksMax=5 \
  CPUQuotaPerSecUSec=500000 AllowedCPUs=0
echo "start: $?"
cgroup=$(cut -d: -f3 /proc/$process/cgroup)
echo "cgroup: $cgroup"
cd "/sys/fs/cgroup$cgroup" || exit 1
echo "limits: $(cat memory.max pids.max cpu.max cpuset.cpus | tr '\n' ' ')"
mkdir inside && rmdir inside && echo "delegated: yes"
cd - >/dev/null || exit 1
./minirun-systemd --user set box.scope MemoryMax=33554432 TasksMax=infinity
echo "set: $? $(cat "/sys/fs/cgroup$cgroup/memory.max" "/sys/fs/cgroup$cgroup/pids.max" | tr '\n' ' ')"
echo "again: $(./minirun-systemd --user start box.scope user.slice $process 'a test' 2>&1)"
./minirun-systemd --user stop box.scope
echo "stop: $? $(ls -d "/sys/fs/cgroup$cgroup" 2>/dev/null)"
echo "wrong: $(./minirun-systemd --user set box.scope Nonsense=x 2>&1)"

# A container of the user's own, by minirun-oci, in such a scope and outside of one.
programs=$PWD
cd "$(mktemp -d)" || exit 1
mkdir -p b/rootfs/bin b/rootfs/proc b/rootfs/sys b/rootfs/dev b/rootfs/tmp state
cp "$programs/busybox" b/rootfs/bin/
for applet in sh id cat sleep touch; do ln -sf busybox "b/rootfs/bin/$applet"; done
oci() { timeout 200 "$programs/minirun-oci" --root "$PWD/state" "$@"; }
# spec SCRIPT EDIT…: the config.json for a user, whose container runs a script, edited by sed.
spec() {
  rm -f b/config.json
  oci spec --rootless --bundle b
  sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"readonly": true/"readonly": false/' -e "s|^\\( *\\)\"sh\"|\\1\"sh\", \"-c\", \"$1\"|" b/config.json
  shift
  for edit in "$@"; do sed -i "$edit" b/config.json; done
}
limits='s|"linux": {|"linux": {"resources": {"memory": {"limit": 67108864}, "pids": {"limit": 20}},|'
spec 'id -u; cat /proc/self/uid_map'
echo "rootless: $(oci run -b b a 2>&1 | tr -s ' \n' ' ')"
spec 'true' "$limits"
echo "rootless-limit: $(oci run -b b a 2>&1 | head -n 1)"
spec 'sleep 1000' "$limits"
echo "rootless-session: $(oci --systemd-cgroup run -b b a 2>&1 | head -n 1)"
# Only from below the user's own systemd a process can get into a cgroup there.
systemd-run --quiet --user --scope "$programs/minirun-oci" --root "$PWD/state" --systemd-cgroup run --detach -b b a \
  </dev/null >said 2>&1
echo "rootless-scope: $(cat said)$(cut -d: -f3 "/proc/$(oci ps --format json a | tr -d '[]')/cgroup")"
cgroup=$(cut -d: -f3 "/proc/$(oci ps --format json a | tr -d '[]')/cgroup")
echo "rootless-limits: $(cat "/sys/fs/cgroup$cgroup/memory.max" "/sys/fs/cgroup$cgroup/pids.max" | tr '\n' ' ')"
oci update --pids-limit 30 a
systemctl --user daemon-reload
echo "rootless-update: $(cat "/sys/fs/cgroup$cgroup/pids.max")"
oci pause a
echo "rootless-pause: $(cat "/sys/fs/cgroup$cgroup/cgroup.freeze") $(oci state a | grep -o paused)"
oci resume a
echo "rootless-exec: $(systemd-run --quiet --user --scope "$programs/minirun-oci" --root "$PWD/state" exec a id -u </dev/null 2>&1)"
oci delete --force a
echo "rootless-deleted: $(oci list -q)$(ls -d "/sys/fs/cgroup$cgroup" 2>/dev/null)"
ids='s|"containerID": 0,|"containerID": 1, "hostID": 100000, "size": 1000}, {"containerID": 0,|'
spec 'cat /proc/self/uid_map /proc/self/gid_map' "$ids"
echo "rootless-ids: $(oci run -b b a 2>&1 | tr -s ' \n' ' ')"
