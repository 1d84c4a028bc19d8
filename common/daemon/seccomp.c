/* seccomp.c - the system calls, by libseccomp: the one room that knows it.
 *
 * What is not in the set comes back as a signal (SIGSYS), which tells us its number before anything happened.
 * A process that was taken over may turn our handler off; the call is not made for it either. Threads of the
 * pool block all signals, so that the kernel ends the process there. */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sched.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/daemon/sandbox_private.h"

#define CALLS_MAX 1024
#define NAME_MEMORY 0x53564d41 /* PR_SET_VMA, by newer C libraries: for whoever looks into /proc */
#define BINARY_TREE 2 /* of SCMP_FLTATR_CTL_OPTIMIZE: calls are found in few steps */

/* --- what was refused --- */

static const char *role_name = "";
static bool strict;
static atomic_bool said[CALLS_MAX];
/* Looked up before: who was refused may be in the midst of malloc(3). */
static char *call_names[CALLS_MAX];

/* The signal is the call's own and comes from no other thread's midst, but it may be in the midst of a line:
 * then it is not said, rather than waited for. */
static void say(int number)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "sandbox.violation");
	log_text(&l, "role", role_name);
	log_text(&l, "syscall", call_names[number] != NULL ? call_names[number] : "unknown");
	log_int(&l, "number", number);
	log_bool(&l, "killed", strict);
	log_end_at_once(&l);
}

/* False where we do not know how: then the process ends. */
static bool set_result(ucontext_t *context, int value)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = value;
	return true;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long long)(long long)value;
	return true;
#else
	(void)context;
	(void)value;
	return false;
#endif
}

static void on_refused(int signal_number, siginfo_t *info, void *context)
{
	int before = errno, number = info->si_syscall;

	if (number >= 0 && number < CALLS_MAX && !atomic_exchange(&said[number], true))
		say(number);
	if (strict || !set_result(context, -ENOSYS)) {
		signal(signal_number, SIG_DFL);
		syscall(SYS_tgkill, getpid(), gettid(), signal_number);
	}
	errno = before;
}

static enum err hear_of_refusals(const struct sandbox *s)
{
	struct sigaction sa = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER };

	for (int i = 0; i < CALLS_MAX; i++)
		call_names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
	role_name = s->role;
	strict = s->mode == SITE_SANDBOX_STRICT;
	sigemptyset(&sa.sa_mask);
	return sigaction(SIGSYS, &sa, NULL) == 0 ? ERR_NONE : err_of_errno(errno);
}

/* --- the set --- */

struct filter {
	scmp_filter_ctx rules;
	const struct sandbox *of;
	int failed; /* the first negative errno */
};

static bool needs(const struct filter *f, unsigned what)
{
	return (f->of->needs & what) != 0;
}

static void add(struct filter *f, uint32_t action, const char *name, unsigned n,
	const struct scmp_arg_cmp *conditions)
{
	int number = seccomp_syscall_resolve_name(name);
	int code;

	if (number < 0) /* this architecture has none of it */
		return;
	code = seccomp_rule_add_array(f->rules, action, number, n, conditions);
	if (code != 0 && code != -EEXIST && f->failed == 0)
		f->failed = code;
}

static void add_all(struct filter *f, uint32_t action, const char *const *names)
{
	for (; *names != NULL; names++)
		add(f, action, *names, 0, NULL);
}

/* Where argument number at, under mask, has that value; a mask of 0 asks for nothing. */
static void allow_where(
	struct filter *f, const char *name, unsigned at, uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp condition = { at, SCMP_CMP_MASKED_EQ, mask, value };

	add(f, SCMP_ACT_ALLOW, name, mask != 0 ? 1 : 0, &condition);
}

static void allow_words(
	struct filter *f, const char *name, unsigned at, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		allow_where(f, name, at, UINT32_MAX, words[i]);
}

static void allow_sockets(struct filter *f)
{
	allow_where(f, "socket", 0, UINT32_MAX, AF_UNIX);
	allow_where(f, "socketpair", 0, UINT32_MAX, AF_UNIX);
	if (needs(f, SANDBOX_DIALS)) {
		allow_where(f, "socket", 0, UINT32_MAX, AF_INET);
		allow_where(f, "socket", 0, UINT32_MAX, AF_INET6);
	}
	if (needs(f, SANDBOX_INTERFACES))
		allow_where(f, "socket", 0, UINT32_MAX, AF_NETLINK);
}

/* Nothing new to be executed, unless a program is started, which maps itself and its libraries. */
static void allow_memory(struct filter *f)
{
	static const char *const names[] = { "mmap", "mprotect" };
	bool free_hand = SANITISED || needs(f, SANDBOX_STARTS);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		allow_where(f, names[i], 2, free_hand ? 0 : PROT_EXEC, 0);
}

/* clone3(2) hides its flags from us behind a pointer: it is said not to be there, and clone(2) taken. */
static void allow_threads(struct filter *f)
{
	const uint64_t thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
	bool free_hand = SANITISED || needs(f, SANDBOX_FORKS);

	allow_where(f, "clone", 0, free_hand ? 0 : thread, free_hand ? 0 : thread);
	allow_where(f, "sched_setattr", 0, UINT32_MAX, 0); /* of the thread that calls */
	allow_where(f, "tgkill", 0, free_hand ? 0 : UINT32_MAX, free_hand ? 0 : (uint64_t)getpid());
}

static void allow_details(struct filter *f)
{
	static const uint64_t ioctls[] = { FIONBIO, FIONREAD, FIOCLEX, TCGETS, TIOCGWINSZ };
	static const uint64_t prctls[] = { PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE,
		PR_SET_PDEATHSIG, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
		NAME_MEMORY };

	allow_words(f, "ioctl", 1, ioctls, sizeof(ioctls) / sizeof(ioctls[0]));
	allow_words(f, "prctl", 0, prctls, sizeof(prctls) / sizeof(prctls[0]));
	allow_where(f, "prlimit64", 2, SANITISED ? 0 : UINT64_MAX, 0); /* asks, and sets nothing */
	if (SANITISED || needs(f, SANDBOX_STARTS))
		add(f, SCMP_ACT_ALLOW, "prctl", 0, NULL);
}

static void fill(struct filter *f)
{
	for (const struct seccomp_group *g = seccomp_groups; g->names != NULL; g++)
		if (g->needs == 0 || needs(f, g->needs))
			add_all(f, SCMP_ACT_ALLOW, g->names);
	allow_sockets(f);
	allow_memory(f);
	allow_threads(f);
	allow_details(f);
	add_all(f, SCMP_ACT_ERRNO(ENOSYS), seccomp_absent);
	if (!needs(f, SANDBOX_STARTS) && !SANITISED)
		add(f, SCMP_ACT_KILL_PROCESS, "execve", 0, NULL);
	add_all(f, SCMP_ACT_KILL_PROCESS, seccomp_fatal);
}

enum err seccomp_enter(const struct sandbox *s)
{
	struct filter f = { .rules = seccomp_init(SCMP_ACT_TRAP), .of = s };
	enum err e = f.rules != NULL ? hear_of_refusals(s) : ERR_NOMEM;

	if (e != ERR_NONE)
		return e;
	seccomp_attr_set(f.rules, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	fill(&f);
	if (f.failed == 0)
		f.failed = seccomp_load(f.rules);
	seccomp_release(f.rules);
	return err_of_errno(-f.failed);
}
