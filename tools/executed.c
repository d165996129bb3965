// executed START END FILE COMMAND…: runs a command step by step, with all processes that it makes until they run another
// program, and writes to FILE which addresses from START to END were executed, to 16 bytes.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { unit = 16 };

static unsigned long start, end;
static unsigned char *seen;

static void look_at(pid_t pid) {
    struct user_regs_struct now;
    if (ptrace(PTRACE_GETREGS, pid, 0, &now) == 0 && now.rip >= start && now.rip < end) seen[(now.rip - start) / unit] = 1;
}

// The signal to go on with.
static int signal_of(int status) {
    const int signal = WSTOPSIG(status);
    return signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    start = strtoul(argv[1], NULL, 0);
    end = strtoul(argv[2], NULL, 0);
    seen = calloc((end - start) / unit + 1, 1);
    const pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(argv[4], argv + 4);
        _exit(127);
    }
    int status = 0, code = 127;
    waitpid(first, &status, 0);
    ptrace(PTRACE_SETOPTIONS, first, 0,
           PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SINGLESTEP, first, 0, 0);
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (pid == first && WIFEXITED(status)) code = WEXITSTATUS(status);
        if (!WIFSTOPPED(status)) continue;
        look_at(pid);
        if (status >> 16 == PTRACE_EVENT_EXEC && pid != first)
            ptrace(PTRACE_DETACH, pid, 0, 0);
        else
            ptrace(PTRACE_SINGLESTEP, pid, 0, signal_of(status));
    }
    FILE *out = fopen(argv[3], "w");
    for (unsigned long i = 0; out != NULL && i <= (end - start) / unit; i++)
        if (seen[i]) fprintf(out, "%lx\n", start + i * unit);
    if (out == NULL || fclose(out) != 0) return 1;
    return code;
}
