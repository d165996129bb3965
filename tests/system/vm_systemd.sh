# What test_vm.py runs as root in the machine: containers of minirun-oci in scopes of the system's systemd.
programs=$PWD
cd "$(mktemp -d)" || exit 1
mkdir -p b/rootfs/bin b/rootfs/proc b/rootfs/sys b/rootfs/dev state
cp "$programs/busybox" b/rootfs/bin/
for applet in sh id cat sleep mknod; do ln -sf busybox "b/rootfs/bin/$applet"; done
oci() { timeout 200 "$programs/minirun-oci" --root "$PWD/state" --systemd-cgroup "$@"; }
# spec SCRIPT EDIT…: the config.json of a container that runs a script, edited by sed.
spec() {
  rm -f b/config.json
  oci spec --bundle b
  sed -i -e 's/"terminal": true/"terminal": false/' -e "s|^\\( *\\)\"sh\"|\\1\"sh\", \"-c\", \"$1\"|" b/config.json
  shift
  for edit in "$@"; do sed -i "$edit" b/config.json; done
}
one_line() { tr -s ' \n' ' '; }
limits='s|"resources": {|"cgroupsPath": "system.slice:box:a", "resources": {"memory": {"limit": 67108864}, "pids": {"limit": 20}, "cpu": {"quota": 50000, "period": 100000},|'
spec 'sleep 1000' "$limits" 's/"CAP_KILL"/"CAP_KILL", "CAP_MKNOD"/'
# Its output not to a pipe, which the container would keep open.
oci run --detach --pid-file pid -b b a </dev/null >said 2>&1
echo "run: $? $(cat said)"
cgroup=$(cut -d: -f3 "/proc/$(cat pid)/cgroup")
files=/sys/fs/cgroup$cgroup
echo "scope: $cgroup $(systemctl is-active box-a.scope)"
echo "files: $(cat "$files/memory.max" "$files/pids.max" "$files/cpu.max" | one_line)"
echo "properties: $(systemctl show -p MemoryMax -p TasksMax -p CPUQuotaPerSecUSec -p Delegate box-a.scope | one_line)"
oci update --pids-limit 30 --memory 33554432 a
oci update --cpu-quota 20000 a
echo "updated: $(cat "$files/memory.max" "$files/pids.max" "$files/cpu.max" | one_line)"
systemctl daemon-reload
echo "reloaded: $(cat "$files/memory.max" "$files/pids.max" "$files/cpu.max" | one_line)"
echo "devices: $(oci exec a sh -c 'mknod /dev/other c 1 11; cat /dev/other' </dev/null 2>&1)"
oci pause a
echo "paused: $(cat "$files/cgroup.freeze") $(oci state a | grep -o paused)"
oci resume a
echo "exec: $(oci exec a cat /proc/self/cgroup </dev/null 2>&1)"
oci delete --force a
echo "deleted: $(oci list -q)$(ls -d "$files" 2>/dev/null) $(systemctl is-active box-a.scope)"
spec 'sleep 1000' "$limits" 's|"type": "mount"|"type": "mount"}, {"type": "user"|' \
  's|"linux": {|"linux": {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 1000}],|' \
  '/"destination": "\/sys\/fs\/cgroup"/,/]/ s/"ro"/"rw"/'
oci run --detach -b b a </dev/null >said 2>&1
echo "handed over: $? $(cat said)$(stat -c %u "$files" "$files/cgroup.procs" "$files/pids.max" | one_line)"
oci delete --force a
spec 'exit 3' 's|"resources": {|"cgroupsPath": "nonsense", "resources": {|'
echo "wrong: $(oci run -b b a </dev/null 2>&1 | one_line)"
