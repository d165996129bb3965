#!/usr/bin/env python3
"""Holds src/ and include/ against calls that are wrong here, each for its reason. clang-tidy 14 knows a few of them only
(cert-env33-c, cert-msc24-c), and takes too long to be asked each time."""
import pathlib
import re
import sys

BANNED = {
    "remove_all": "resolves each path anew, so a symbolic link put in its way leads it elsewhere: remove_tree()",
    "system popen": "a shell reads what was not written for it",
    "getpwnam getpwuid getpwent getgrnam getgrgid getgrent getgrouplist initgroups":
        "asks the host's name service, where the image's files are meant: resolve_user()",
    "getaddrinfo gethostbyname": "asks the host's name service, which a static program must not load",
    "strcpy strcat sprintf vsprintf gets alloca": "nothing holds the length",
    "strtok strerror localtime gmtime asctime ctime setlocale": "keeps state that threads share; errno_text() for errors",
    "atoi atol atoll atof strtol strtoul strtoll strtoull strtod stoi stol stoul stoll stoull stod":
        "takes blanks, signs and what stands behind the number: parse_number()",
    "tmpnam tempnam mktemp": "somebody else can make the file first",
    "rand srand random srandom": "can be guessed: getrandom(2)",
    "fork vfork posix_spawn": "locks of other threads stay held in the child: kernel::clone_process()",
    "exit quick_exit": "skips the destructors that undo what was made: throw, or _exit in the child",
    "setuid setgid setreuid setregid setresuid setresgid setgroups seteuid setegid":
        "the C library's own call changes all threads, through signals: the raw ones of kernel/credentials.hpp",
    "signal": "its semantics differ between systems: sigaction(2)",
    "chroot": "leaves the host's tree behind it: pivot_root(2)",
    "setenv putenv unsetenv": "races with getenv in other threads",
}
REASONS = {name: reason for names, reason in BANNED.items() for name in names.split()}
# A call: the name, not a member's (x.name, x->name) nor another namespace's (kernel::name), and a parenthesis.
CALL = re.compile(r"(?:(?<![\w.>:])|(?<=[^\w:]::)|(?<=std::)|(?<=filesystem::))(" + "|".join(REASONS) + r")\s*\(")
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def calls(path):
    """The lines and names of banned calls, comments and literals left out."""
    code = NO_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), path.read_text())
    for number, line in enumerate(code.splitlines(), 1):
        for found in CALL.finditer(line):
            yield number, found[1]


root = pathlib.Path(__file__).resolve().parent.parent
found = [f"{path.relative_to(root)}:{number}: {name}: {REASONS[name]}"
         for folder in ("src", "include") for path in sorted((root / folder).rglob("*.[ch]pp"))
         for number, name in calls(path)]
print("\n".join(found) if found else f"banned calls: none of {len(REASONS)} names")
sys.exit(1 if found else 0)
