# What test_vm.py runs as a user in the machine: a scope of the user's own systemd, by minirun-systemd.
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
