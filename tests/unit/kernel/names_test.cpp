#include "kernel/names.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include <cerrno>
#include <csignal>
#include <set>

using namespace minirun;

TEST_CASE("errno: names and texts") {
    CHECK(errno_name(ENOENT) == "ENOENT");
    CHECK(errno_name(EOVERFLOW) == "EOVERFLOW");
    CHECK(errno_name(ESTALE) == "ESTALE");
    CHECK(errno_name(1234) == "errno 1234");
    CHECK(errno_name(0) == "errno 0");
    CHECK(errno_name(-1) == "errno -1");
    CHECK(errno_text(ENOENT) == "No such file or directory");
    CHECK(errno_text(EPERM) == "Operation not permitted");
    CHECK(errno_text(1234) == "Unknown error 1234");
}

TEST_CASE("signals: every accepted spelling") {
    CHECK(signal_number("SIGTERM") == SIGTERM);
    CHECK(signal_number("TERM") == SIGTERM);
    CHECK(signal_number("term") == SIGTERM);
    CHECK(signal_number("SigQuit") == SIGQUIT);
    CHECK(signal_number("15") == 15);
    CHECK(signal_number("64") == 64);
    CHECK(signal_number("WINCH") == SIGWINCH);
    CHECK(signal_number("IO") == SIGIO);
    CHECK(signal_number("POLL") == SIGIO);
    CHECK(signal_number("IOT") == SIGABRT);
    CHECK(signal_number("CLD") == SIGCHLD);
    CHECK(signal_number("RTMIN") == SIGRTMIN);
    CHECK(signal_number("SIGRTMIN+3") == SIGRTMIN + 3);
    CHECK(signal_number("rtmax-1") == SIGRTMAX - 1);
    CHECK(signal_number("RTMIN+30") == SIGRTMAX);
}

TEST_CASE("signals: what is none") {
    for (const auto* text : {"",         "0",        "-1",        "65",         "999",       "15 ",     " 15",
                             "+15",      "SIG",      "TERMINATE", "SIGSIGTERM", "RTMIN+",    "RTMIN-1", "RTMAX+1",
                             "RTMIN+31", "RTMAX-31", "RTMIN+x",   "RTMIN3",     "RTMIN+300", "SIG15",   "TERM\n"}) {
        CAPTURE(text);
        CHECK_FALSE(signal_number(text).has_value());
    }
}

TEST_CASE("signals: every number's name gives the number back") {
    CHECK(signal_name(SIGKILL) == "SIGKILL");
    CHECK(signal_name(SIGRTMIN) == "SIGRTMIN");
    CHECK(signal_name(SIGRTMIN + 2) == "SIGRTMIN+2");
    CHECK(signal_name(SIGRTMAX) == "SIGRTMAX");
    CHECK(signal_name(0) == "signal 0");
    CHECK(signal_name(33) == "signal 33");
    CHECK(signal_name(-4) == "signal -4");
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (number > 31 && number < SIGRTMIN) continue;
        CAPTURE(number);
        CHECK(signal_number(signal_name(number)) == number);
    }
}

TEST_CASE("capabilities: names, any case, with and without prefix") {
    CHECK(capability_number("CAP_CHOWN") == CAP_CHOWN);
    CHECK(capability_number("chown") == CAP_CHOWN);
    CHECK(capability_number("cap_Sys_Admin") == CAP_SYS_ADMIN);
    CHECK(capability_number("NET_BIND_SERVICE") == CAP_NET_BIND_SERVICE);
    CHECK(capability_number("SETFCAP") == CAP_SETFCAP);
    CHECK(capability_number("CAP_AUDIT_READ") == CAP_AUDIT_READ);
    CHECK(capability_number("CHECKPOINT_RESTORE") == 40);
    for (const auto* text :
         {"", "CAP_", "ALL", "CAP_CAP_CHOWN", "CAP_CHOWNS", " CHOWN", "0", "CAP_0", "chown,kill", "chown=ep"}) {
        CAPTURE(text);
        CHECK_FALSE(capability_number(text).has_value());
    }
}

TEST_CASE("capabilities: the table is that of the kernel's header") {
    CHECK(capability_name(CAP_KILL) == "CAP_KILL");
    CHECK(capability_name(CAP_MKNOD) == "CAP_MKNOD");
    CHECK(capability_name(CAP_SYSLOG) == "CAP_SYSLOG");
    CHECK(capability_name(CAP_BLOCK_SUSPEND) == "CAP_BLOCK_SUSPEND");
    CHECK(capability_name(last_known_capability() + 1) == "CAP_41");
    CHECK(capability_name(-1) == "CAP_-1");
    CHECK(last_known_capability() >= CAP_LAST_CAP);
    std::set<std::string> names;
    for (int number = 0; number <= last_known_capability(); number++) {
        CHECK(capability_number(capability_name(number)) == number);
        names.insert(capability_name(number));
    }
    CHECK(names.size() == 41);
}

TEST_CASE("rlimits") {
    CHECK(rlimit_number("RLIMIT_NOFILE") == RLIMIT_NOFILE);
    CHECK(rlimit_number("nofile") == RLIMIT_NOFILE);
    CHECK(rlimit_number("rlimit_as") == RLIMIT_AS);
    CHECK_FALSE(rlimit_number("RLIMIT_FILES").has_value());
    CHECK_FALSE(rlimit_number("7").has_value());
    CHECK_FALSE(rlimit_number("").has_value());
    CHECK(rlimit_name(RLIMIT_RTTIME) == "RLIMIT_RTTIME");
    CHECK(rlimit_name(99) == "rlimit 99");
    for (int number = 0; number < static_cast<int>(RLIMIT_NLIMITS); number++)
        CHECK(rlimit_number(rlimit_name(number)) == number);
}

TEST_CASE("mount options: every one of the specification's table is known") {
    for (const auto* name : {"async",
                             "atime",
                             "bind",
                             "defaults",
                             "dev",
                             "diratime",
                             "dirsync",
                             "exec",
                             "iversion",
                             "lazytime",
                             "loud",
                             "mand",
                             "noatime",
                             "nodev",
                             "nodiratime",
                             "noexec",
                             "noiversion",
                             "nolazytime",
                             "nomand",
                             "norelatime",
                             "nostrictatime",
                             "nosuid",
                             "nosymfollow",
                             "private",
                             "ratime",
                             "rbind",
                             "rdev",
                             "rdiratime",
                             "relatime",
                             "remount",
                             "rexec",
                             "rnoatime",
                             "rnodev",
                             "rnodiratime",
                             "rnoexec",
                             "rnorelatime",
                             "rnostrictatime",
                             "rnosuid",
                             "rnosymfollow",
                             "ro",
                             "rprivate",
                             "rrelatime",
                             "rro",
                             "rrw",
                             "rshared",
                             "rslave",
                             "rstrictatime",
                             "rsuid",
                             "rsymfollow",
                             "runbindable",
                             "rw",
                             "shared",
                             "silent",
                             "slave",
                             "strictatime",
                             "suid",
                             "symfollow",
                             "sync",
                             "tmpcopyup",
                             "unbindable",
                             "idmap",
                             "ridmap"}) {
        CAPTURE(name);
        CHECK(mount_option(name).has_value());
    }
}

TEST_CASE("mount options: options of the file system itself are not in the table") {
    for (const auto* name : {"size=64m", "mode=1777", "", "r", "RO", "rsync", "rdefaults", "rrro", "ro ", "gid=5",
                             "newinstance", "nosuid=1", "nofail"}) {
        CAPTURE(name);
        CHECK_FALSE(mount_option(name).has_value());
    }
}

TEST_CASE("mount options: flags") {
    const auto nosuid = mount_option("nosuid").value();
    CHECK(nosuid.set == MOUNT_ATTR_NOSUID);
    CHECK(nosuid.clear == 0);
    CHECK_FALSE(nosuid.recursive);
    CHECK(mount_option("exec").value().clear == MOUNT_ATTR_NOEXEC);
    const auto rnodev = mount_option("rnodev").value();
    CHECK(rnodev.set == MOUNT_ATTR_NODEV);
    CHECK(rnodev.recursive);
    CHECK(mount_option("nosymfollow").value().set == 0x200000);
    CHECK(mount_option("rdiratime").value().clear == MOUNT_ATTR_NODIRATIME);
}

TEST_CASE("mount options: whatever touches the access time clears its whole field") {
    // mount_setattr(2): EINVAL for a part of MOUNT_ATTR__ATIME in attr_clr, or a set without the clear.
    for (const auto* name : {"noatime", "atime", "relatime", "strictatime", "nostrictatime", "norelatime"})
        for (const auto& spelling : {std::string(name), "r" + std::string(name)}) {
            CAPTURE(spelling);
            const auto option = mount_option(spelling).value();
            const auto cleared = option.clear & MOUNT_ATTR__ATIME;
            CHECK((cleared == 0 || cleared == MOUNT_ATTR__ATIME));
            if ((option.set & MOUNT_ATTR__ATIME) != 0) CHECK(cleared == MOUNT_ATTR__ATIME);
        }
    CHECK(mount_option("noatime").value().set == MOUNT_ATTR_NOATIME);
    CHECK(mount_option("rstrictatime").value().set == MOUNT_ATTR_STRICTATIME);
    CHECK(mount_option("relatime").value().set == 0);
    CHECK(mount_option("relatime").value().clear == MOUNT_ATTR__ATIME);
    CHECK(mount_option("norelatime").value().clear == 0);
}

TEST_CASE("mount options: a later one takes back an earlier one") {
    const auto sum = [](std::initializer_list<const char*> names) {
        std::uint64_t set = 0, clear = 0;
        for (const auto* name : names) {
            const auto option = mount_option(name).value();
            set = (set & ~option.clear) | option.set;
            clear |= option.clear;
        }
        return std::pair(set, clear);
    };
    CHECK(sum({"ro", "rw"}) == std::pair<std::uint64_t, std::uint64_t>(0, MOUNT_ATTR_RDONLY));
    CHECK(sum({"rw", "ro"}).first == MOUNT_ATTR_RDONLY);
    CHECK(sum({"noatime", "strictatime"}).first == MOUNT_ATTR_STRICTATIME);
    CHECK(sum({"noatime", "norelatime"}).first == MOUNT_ATTR_NOATIME);
    CHECK(sum({"nosuid", "noexec", "exec"}).first == MOUNT_ATTR_NOSUID);
}

TEST_CASE("mount options: propagation, binds and the rest") {
    CHECK(mount_option("private").value().propagation == MS_PRIVATE);
    CHECK_FALSE(mount_option("private").value().recursive);
    CHECK(mount_option("rslave").value().propagation == MS_SLAVE);
    CHECK(mount_option("rslave").value().recursive);
    CHECK(mount_option("rshared").value().propagation == MS_SHARED);
    CHECK(mount_option("runbindable").value().propagation == MS_UNBINDABLE);
    CHECK(mount_option("bind").value().bind);
    CHECK_FALSE(mount_option("bind").value().recursive);
    CHECK(mount_option("rbind").value().bind);
    CHECK(mount_option("rbind").value().recursive);
    CHECK(mount_option("remount").value().remount);
    CHECK(mount_option("tmpcopyup").value().copy_up);
    CHECK(mount_option("ridmap").value().idmap);
    CHECK(mount_option("ridmap").value().recursive);
}

TEST_CASE("mount options: superblock flags are fsconfig flags of the same name") {
    for (const auto* name : {"sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand", "ro", "rw"})
        CHECK(mount_option(name).value().fs_flag == name);
    for (const auto* name : {"rro", "rrw", "nosuid", "bind", "silent", "loud", "iversion", "noiversion", "defaults"})
        CHECK(mount_option(name).value().fs_flag.empty());
}

TEST_CASE("mount attributes as words") {
    CHECK(mount_attr_names(0).empty());
    CHECK(mount_attr_names(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) == "nosuid,nodev");
    CHECK(mount_attr_names(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME) == "ro,noatime");
    CHECK(mount_attr_names(MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NOEXEC) == "noexec,strictatime");
    CHECK(mount_attr_names(MOUNT_ATTR_NODIRATIME | 0x200000) == "nodiratime,nosymfollow");
    CHECK(mount_attr_names(MOUNT_ATTR_RDONLY | 0x40000000) == "ro,0x40000000");
}

TEST_CASE("file systems by their magic") {
    CHECK(filesystem_name(EXT4_SUPER_MAGIC) == "ext2/3/4");
    CHECK(filesystem_name(OVERLAYFS_SUPER_MAGIC) == "overlay");
    CHECK(filesystem_name(NFS_SUPER_MAGIC) == "nfs");
    CHECK(filesystem_name(BTRFS_SUPER_MAGIC) == "btrfs");
    CHECK(filesystem_name(CGROUP2_SUPER_MAGIC) == "cgroup2");
    CHECK(filesystem_name(0x1234abcd) == "0x1234abcd");
    // A statfs(2) of 32 bits sign-extends the field.
    CHECK(filesystem_name(0xffffffff9123683e) == "btrfs");
    struct statfs proc {};
    REQUIRE(statfs("/proc", &proc) == 0);
    CHECK(filesystem_name(static_cast<std::uint64_t>(proc.f_type)) == "proc");
}
