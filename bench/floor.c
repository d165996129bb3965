// The kernel's floor: what the bare system calls of a container cost, with nothing around them.
//
//   floor [OPTIONS] DIRECTORY COMMAND LAYER...                  (topmost layer first)
//   floor --many TIMES PROCESSES DIRECTORY COMMAND LAYER...     (DIRECTORY is absolute)
//   floor --enter PID COMMAND                                   (into the container of that process)
//
// Options: --host-network; --limit FILE=VALUE, a file of a cgroup, which is made if there is none.
//
// Makes the same things as `minirun run` does by default (namespaces, overlay with a private writable layer, mounts,
// devices, provided files, masks, read-only paths, capabilities, no_new_privs, the default seccomp filter), runs
// COMMAND without arguments, and removes what it made in DIRECTORY. No parsing, no checks, no messages: it shows what is
// possible, and is no program to use. --enter does what `minirun exec` does: it begins anew from a read-only mount, and
// enters namespaces and cgroups with the same rights.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct sock_filter filter[] = {
#include "default_seccomp_filter.inc"
};

// CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP
static const uint64_t capabilities = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 |
                                     1 << 18 | (uint64_t)1 << 31;

static void must(long result, const char *what) {
    if (result >= 0) return;
    perror(what);
    _exit(125);
}

static void mount_or_die(const char *type, const char *target, unsigned long flags, const char *data) {
    must(syscall(SYS_mount, type, target, type, flags, data), target);
}

static void overlay(char **layers, const char *mountpoint) {
    const int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    must(fs, "fsopen");
    for (; *layers != NULL; layers++) must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir+", *layers, 0), *layers);
    must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "upperdir", "upper", 0), "upperdir");
    must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "workdir", "work", 0), "workdir");
    must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0), "volatile");
    must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "overlay");
    const int tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
    must(tree, "fsmount");
    must(syscall(SYS_move_mount, tree, "", AT_FDCWD, mountpoint, MOVE_MOUNT_F_EMPTY_PATH), "move_mount");
    must(fchdir(tree), "fchdir");
}

static void cgroups(void) {
    mount_or_die("tmpfs", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=0");
    char line[256], path[300];
    FILE *hierarchies = fopen("/proc/self/cgroup", "re");
    while (hierarchies != NULL && fgets(line, sizeof line, hierarchies) != NULL) {
        char *name = strchr(line, ':') + 1;
        *strchr(name, ':') = '\0';
        if (*name == '\0') continue;
        const int named = strncmp(name, "name=", 5) == 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s", named ? name + 5 : name);
        must(mkdir(path, 0755), path);
        snprintf(line, sizeof line, "%s%s", named ? "none," : "", strdup(name));
        mount_or_die("cgroup", path, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, line);
    }
    if (hierarchies != NULL) fclose(hierarchies);
}

static void device(const char *path, int major, int minor) { must(mknod(path, S_IFCHR | 0666, makedev(major, minor)), path); }

static void provided_file(int tmpfs, const char *name, const char *text, const char *target) {
    const int fd = openat(tmpfs, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    must(fd, name);
    must(write(fd, text, strlen(text)), name);
    close(fd);
    const int made = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    close(made);
    const int tree = (int)syscall(SYS_open_tree, tmpfs, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    must(syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), target);
    close(tree);
}

static int detached_tmpfs(const char *key, const char *value, unsigned attributes) {
    const int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
    must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "tmpfs");
    const int tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
    close(fs);
    return tree;
}

static void mask(int source, const char *target) {
    struct stat info;
    if (stat(target, &info) < 0) return;
    const int tree = (int)syscall(SYS_open_tree, source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    close(tree);
}

static void read_only(const char *target) {
    const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, target, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | 0x8000 /* AT_RECURSIVE */);
    if (tree < 0) return;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | 0x8000, &attr, sizeof attr);
    syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    close(tree);
}

static int host_network;
static char *limits[16][2];  // a cgroup's directory, "FILE=VALUE" in it
static int limit_count;

static void write_text(const char *directory, const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd, path);
    must(write(fd, text, strlen(text)), path);
    close(fd);
}

static void make_cgroups(void) {
    for (int i = 0; i < limit_count; i++) {
        mkdir(limits[i][0], 0755);
        char name[128];
        const char *value = strchr(limits[i][1], '=');
        snprintf(name, sizeof name, "%.*s", (int)(value - limits[i][1]), limits[i][1]);
        write_text(limits[i][0], name, value + 1);
    }
}

static void enter_cgroups(void) {
    for (int i = 0; i < limit_count; i++)
        if (i == 0 || strcmp(limits[i][0], limits[i - 1][0]) != 0) write_text(limits[i][0], "cgroup.procs", "0");
}

static void become(const char *command) {
    setsid();
    for (int capability = 0; capability < 41; capability++)
        if ((capabilities >> capability & 1) == 0) prctl(PR_CAPBSET_DROP, capability);
    syscall(SYS_setgroups, 0, NULL);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const uint32_t low = (uint32_t)capabilities;
    const struct __user_cap_data_struct data[2] = {{low, low, 0}, {0, 0, 0}};
    must(syscall(SYS_capset, &header, data), "capset");
    syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
    umask(022);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const struct sock_fprog program = {sizeof filter / sizeof *filter, (struct sock_filter *)filter};
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
    char *const argv[] = {(char *)command, NULL};
    char *const envp[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    execve(command, argv, envp);
    must(-1, command);
}

static void inside(const char *directory, const char *command, char **layers) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    umask(0);
    enter_cgroups();
    must(syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "propagation");
    must(chdir(directory), directory);
    overlay(layers, directory);
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    // The host's tree is still stacked below: its /dev/null is taken from there.
    const int null_device = open("/dev/null", O_PATH | O_CLOEXEC);
    must(syscall(SYS_umount2, ".", 2 /* MNT_DETACH */), "umount");
    must(chdir("/"), "chdir");

    mount_or_die("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_or_die("tmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
                                           {"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"}, {"/proc/kcore", "/dev/core"}};
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++) symlink(links[i][0], links[i][1]);
    device("/dev/null", 1, 3), device("/dev/zero", 1, 5), device("/dev/full", 1, 7);
    device("/dev/random", 1, 8), device("/dev/urandom", 1, 9), device("/dev/tty", 5, 0);
    mkdir("/dev/pts", 0755), mkdir("/dev/shm", 0755), mkdir("/dev/mqueue", 0755);
    mount_or_die("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    mount_or_die("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k");
    mount_or_die("mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_or_die("sysfs", "/sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    cgroups();

    const int etc = detached_tmpfs("size", "1m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    provided_file(etc, "hostname", "floor\n", "/etc/hostname");
    provided_file(etc, "hosts", "127.0.0.1 localhost\n", "/etc/hosts");
    provided_file(etc, "resolv.conf", "\n", "/etc/resolv.conf");

    sethostname("floor", 5);
    if (!host_network) {
        const int inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
        ioctl(inet, SIOCSIFFLAGS, &loopback);
        close(inet);
    }

    const int empty = detached_tmpfs("nr_inodes", "1", MOUNT_ATTR_RDONLY);
    static const char *const masked[] = {"/proc/acpi", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi"};
    static const char *const hidden[] = {"/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                                         "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"};
    for (unsigned i = 0; i < sizeof masked / sizeof *masked; i++) mask(empty, masked[i]);
    for (unsigned i = 0; i < sizeof hidden / sizeof *hidden; i++) mask(null_device, hidden[i]);
    static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    for (unsigned i = 0; i < sizeof readonly / sizeof *readonly; i++) read_only(readonly[i]);

    become(command);
}

static int once(const char *directory, char **command_and_layers) {
    must(mkdir(directory, 0700), directory);
    must(chdir(directory), directory);
    mkdir("upper", 0755), mkdir("work", 0700);
    make_cgroups();
    int pidfd = -1;
    const uint64_t network = host_network ? 0 : CLONE_NEWNET;
    struct clone_args args = {.flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | network,
                              .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
    const long pid = syscall(SYS_clone3, &args, sizeof args);
    must(pid, "clone3");
    if (pid == 0) inside(directory, command_and_layers[0], command_and_layers + 1);
    siginfo_t info = {0};
    waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED);
    close(pidfd);
    static const char *const made[] = {"upper/etc/hostname", "upper/etc/hosts", "upper/etc/resolv.conf"};
    for (unsigned i = 0; i < sizeof made / sizeof *made; i++) unlink(made[i]);
    rmdir("upper/etc"), rmdir("upper/dev"), rmdir("upper/proc"), rmdir("upper/sys"), rmdir("upper");
    unlink("work/work/incompat/volatile/dirty"), rmdir("work/work/incompat/volatile"), rmdir("work/work/incompat"), rmdir("work/work"), rmdir("work");
    must(rmdir(directory), directory);
    // The end of the last process may show a moment later.
    for (int i = 0; i < limit_count; i++)
        while (rmdir(limits[i][0]) < 0 && errno == EBUSY) usleep(100);
    return info.si_status;
}

// CVE-2019-5736: what a container can get hold of on its way in, it is not to write to.
static void begin_anew(char **argv) {
    if (getenv("FLOOR_ANEW") != NULL) return;
    const int self = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
    must(self, "open_tree");
    struct mount_attr read_only_mount = {.attr_set = MOUNT_ATTR_RDONLY};
    must(syscall(SYS_mount_setattr, self, "", AT_EMPTY_PATH, &read_only_mount, sizeof read_only_mount), "mount_setattr");
    char *const envp[] = {"FLOOR_ANEW=1", NULL};
    must(syscall(SYS_execveat, self, "", argv, envp, AT_EMPTY_PATH), "execveat");
}

// The same that the process is in, by the "N:CONTROLLER:PATH" of v1 and the "0::PATH" of v2; -1 behind the last.
static void open_cgroups(const char *pid, int files[16]) {
    char path[512], line[512];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
    FILE *cgroups = fopen(path, "re");
    while (cgroups != NULL && count < 15 && fgets(line, sizeof line, cgroups) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controller = strchr(line, ':') + 1, *place = strchr(controller, ':');
        *place++ = '\0';
        const char *v1 = strncmp(controller, "name=", 5) == 0 ? controller + 5 : controller;
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s%s/%s", *v1 != '\0' ? v1 : "unified", place, *v1 != '\0' ? "tasks" : "cgroup.procs");
        const int file = open(path, O_WRONLY | O_CLOEXEC);
        if (file >= 0) files[count++] = file;
    }
    if (cgroups != NULL) fclose(cgroups);
    files[count] = -1;
}

static int enter(const char *pid, const char *command, char **argv) {
    begin_anew(argv);
    int files[16];
    open_cgroups(pid, files);
    const int process = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
    must(process, "pidfd_open");
    must(setns(process, CLONE_NEWPID), "setns");
    const pid_t child = fork();
    must(child, "fork");
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        for (int i = 0; files[i] >= 0; i++) must(write(files[i], "0", 1), "a cgroup");
        must(setns(process, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP), "setns");
        become(command);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status != 0;
}

// One after the other in each of so many processes.
static int many(int times, int processes, const char *directory, char **command_and_layers) {
    for (int i = 0; i < processes; i++) {
        const pid_t pid = fork();
        must(pid, "fork");
        if (pid > 0) continue;
        char own[4096];
        snprintf(own, sizeof own, "%s.%d", directory, i);
        for (int k = i; k < times; k += processes)
            if (once(own, command_and_layers) != 0) _exit(1);
        _exit(0);
    }
    int failed = 0, status = 0;
    while (wait(&status) > 0) failed |= status != 0;
    return failed;
}

int main(int argc, char **argv) {
    if (argc > 6 && strcmp(argv[1], "--many") == 0) return many(atoi(argv[2]), atoi(argv[3]), argv[4], argv + 5);
    if (argc == 4 && strcmp(argv[1], "--enter") == 0) return enter(argv[2], argv[3], argv);
    for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
        if (strcmp(argv[1], "--host-network") == 0) {
            host_network = 1;
        } else if (strcmp(argv[1], "--limit") == 0 && limit_count < 16) {
            char *name = strrchr(argv[2], '/');
            *name = '\0';
            limits[limit_count][0] = argv[2];
            limits[limit_count++][1] = name + 1;
            argc--, argv++;
        } else {
            return 125;
        }
    }
    if (argc < 4) return 125;
    return once(argv[1], argv + 2);
}
