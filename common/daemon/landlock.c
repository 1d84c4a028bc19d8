/* landlock.c - the file system and TCP by the kernel's own interface (landlock(7)); no library speaks it.
 *
 * From ABI 2 on: before, no file could be renamed into another directory, which is how mail is delivered.
 * Constants of newer ABIs are given here where the headers of Debian 12 lack them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/daemon/sandbox_private.h"

#define ABI_MIN 2
#define ABI_TRUNCATE 3
#define ABI_NET 4
#define ABI_DEVICES 5
#define ABI_SCOPE 6

#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BOTH UINT64_C(3) /* bind, connect */
#define NET_CONNECT UINT64_C(2)
#define SCOPE_BOTH UINT64_C(3) /* abstract AF_UNIX names, signals */
#define RULE_NET_PORT 2

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define SHARE (READ | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define OWN                                                                       \
	(SHARE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |       \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |      \
		LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
#define RUN (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define ALL                                                                         \
	(OWN | RUN | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
		LANDLOCK_ACCESS_FS_MAKE_FIFO | FS_IOCTL_DEV)
#define OF_A_FILE                                                       \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE)

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
	uint64_t fs, net, scoped;
};
struct port_rule { /* struct landlock_net_port_attr */
	uint64_t access, port;
};

static const uint64_t rights[] = { READ, SHARE, OWN, RUN }; /* in the order of enum sandbox_may */

static int abi_of_kernel(void)
{
	long abi = syscall(
		SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static struct ruleset ruleset_of(int abi)
{
	struct ruleset r = { .fs = ALL };

	if (abi < ABI_TRUNCATE)
		r.fs &= ~FS_TRUNCATE;
	if (abi < ABI_DEVICES)
		r.fs &= ~FS_IOCTL_DEV;
	if (abi >= ABI_NET)
		r.net = NET_BOTH;
	if (abi >= ABI_SCOPE)
		r.scoped = SCOPE_BOTH;
	return r;
}

/* An older kernel knows a shorter struct. */
static size_t size_of(int abi)
{
	return abi >= ABI_SCOPE  ? sizeof(struct ruleset)
		: abi >= ABI_NET ? 2 * sizeof(uint64_t)
				 : sizeof(uint64_t);
}

static void say_wide(const struct sandbox *s, const char *path, const char *given)
{
	struct log_line l;

	log_begin(&l, s->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "sandbox.wide");
	log_text(&l, "role", s->role);
	log_text(&l, "path", path);
	log_text(&l, "given", given);
	log_end(&l);
}

/* What path names, or the nearest directory above it that is there. */
static int open_nearest(const struct sandbox *s, const char *path)
{
	char at[sizeof(s->places[0].path)];
	int fd;

	snprintf(at, sizeof(at), "%s", path);
	while ((fd = open(at, O_PATH | O_CLOEXEC)) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		char *slash = strrchr(at, '/');

		if (slash == NULL || strcmp(at, "/") == 0)
			return -1;
		slash[slash == at] = '\0'; /* the root keeps its own */
	}
	if (fd >= 0 && strcmp(at, path) != 0)
		say_wide(s, path, at);
	return fd;
}

static enum err allow_below(int rules, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr below = { .allowed_access = access, .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_of_errno(errno);
	if (!S_ISDIR(st.st_mode))
		below.allowed_access &= OF_A_FILE;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0)
		return err_of_errno(errno);
	return ERR_NONE;
}

/* One that cannot be entered stays closed, as it would be to us anyway. */
static enum err allow_place(
	const struct sandbox *s, const struct sandbox_place *p, int rules, uint64_t handled)
{
	int fd = open_nearest(s, p->path);
	enum err e = ERR_NONE;

	if (fd < 0)
		return errno == EACCES || errno == ENOENT ? ERR_NONE : err_of_errno(errno);
	e = allow_below(rules, fd, rights[p->may] & handled);
	close(fd);
	return e;
}

static enum err allow_port(int rules, uint16_t port)
{
	struct port_rule rule = { NET_CONNECT, port };

	if (syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0) != 0)
		return err_of_errno(errno);
	return ERR_NONE;
}

static enum err fill(const struct sandbox *s, int rules, const struct ruleset *r)
{
	enum err e = ERR_NONE;

	for (size_t i = 0; i < s->places_n && e == ERR_NONE; i++)
		e = allow_place(s, &s->places[i], rules, r->fs);
	for (size_t i = 0; i < s->ports_n && e == ERR_NONE && r->net != 0; i++)
		e = allow_port(rules, s->ports[i]);
	return e;
}

enum err landlock_enter(const struct sandbox *s, int *abi)
{
	int of_kernel = abi_of_kernel(), rules;
	struct ruleset r = ruleset_of(of_kernel);
	enum err e;

	*abi = 0;
	if (of_kernel < ABI_MIN)
		return ERR_NONE;
	rules = (int)syscall(SYS_landlock_create_ruleset, &r, size_of(of_kernel), 0);
	if (rules < 0)
		return err_of_errno(errno);
	e = fill(s, rules, &r);
	if (e == ERR_NONE && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		e = err_of_errno(errno);
	close(rules);
	if (e == ERR_NONE)
		*abi = of_kernel;
	return e;
}
