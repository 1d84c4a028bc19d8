/* seccomp_calls.c - which system calls who may make; names, because an architecture gives them its own
 * numbers. Old and new forms stand together: which one the C library takes is its own affair.
 *
 * Not here are those whose arguments matter, which seccomp.c adds one by one. */
#include <stddef.h>

#include "common/daemon/sandbox_private.h"

/* clang-format off */
static const char *const everybody[] = {
	/* what is open */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
	"close", "close_range", "lseek", "fstat", "fcntl", "dup", "dup2", "dup3", "pipe2", "eventfd2", "signalfd4",
	"fadvise64", "ftruncate", "msync",
	/* files to read, or to share; which, is Landlock's to say */
	"open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2",
	"readlink", "readlinkat", "getdents64", "getcwd", "statfs", "fstatfs",
	/* waiting */
	"poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "nanosleep", "clock_nanosleep", "restart_syscall",
	/* memory and threads */
	"munmap", "mremap", "madvise", "brk", "futex", "futex_waitv", "set_robust_list",
	"get_robust_list", "rseq", "membarrier", "sched_yield", "sched_getaffinity", "getcpu",
	"set_tid_address", "getpriority", "gettid", "exit", "exit_group",
	/* signals and timers of our own */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "sigaltstack",
	"timer_create", "timer_settime", "timer_gettime", "timer_delete", "setitimer", "alarm",
	/* who and when */
	"getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
	"clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrusage", "getrlimit", "uname",
	"sysinfo", "getrandom", "umask",
	/* sockets that are there, and the way to the store and to syslog */
	"connect", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
	"getsockname", "getpeername", "setsockopt", "getsockopt",
	NULL
};
static const char *const accepting[] = { "accept", "accept4", "listen", NULL };
static const char *const binding[] = { "bind", NULL };
static const char *const files[] = {
	"mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
	"symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchown", "fchownat", "utimensat", "fsync",
	"fdatasync", "sync_file_range", "truncate", "fallocate", "flock", "sendfile", "copy_file_range",
	NULL
};
static const char *const forking[] = { "fork", "vfork", "wait4", "waitid", NULL };
/* The new program's loader, and its own way into a sandbox within ours. */
static const char *const starting[] = {
	"execve", "arch_prctl", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
	"seccomp", "capget", NULL
};

#if SANITISED
/* What the sanitisers do to find leaks and to name functions. */
static const char *const sanitising[] = {
	"getdents", "ptrace", "process_vm_readv", "personality", "fork", "vfork", "execve", "wait4", "kill", "pipe",
	"sched_getparam", "sched_getscheduler", "setrlimit", "arch_prctl", "unlink", NULL
};
#endif

const struct seccomp_group seccomp_groups[] = {
	{ 0,                  everybody },
	{ SANDBOX_ACCEPTS,    accepting },
	{ SANDBOX_ACCEPTS,    binding },
	{ SANDBOX_INTERFACES, binding },
	{ SANDBOX_FILES,      files },
	{ SANDBOX_FORKS,      forking },
	{ SANDBOX_STARTS,     starting },
#if SANITISED
	{ 0,                  sanitising },
#endif
	{ 0, NULL },
};

const char *const seccomp_fatal[] = {
#if !SANITISED
	"ptrace", "process_vm_readv",
#endif
	"process_vm_writev", "pidfd_getfd", "kcmp", "execveat", "mount", "umount2", "pivot_root", "chroot",
	"move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "mount_setattr", "setns", "unshare",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf",
	"perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "reboot", "swapon", "swapoff",
	"iopl", "ioperm", "acct", "settimeofday", "clock_settime", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset", "open_by_handle_at",
	"quotactl", "syslog", "modify_ldt", "lookup_dcookie", NULL
};

const char *const seccomp_absent[] = { "clone3", "io_uring_setup", NULL };
/* clang-format on */
