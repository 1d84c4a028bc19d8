/* sandbox.h - what a process gives up for good once it has opened what it needs to work.
 *
 * Whoever is made to run foreign code by what it read from the network can then do only what the process
 * itself has to: reach a closed set of places in the file system (Landlock), make a closed set of system
 * calls (seccomp), read nothing out of its siblings, which are not dumpable. Capabilities are gone before
 * (privilege.h). What the kernel lacks of it is said in the log, and the process goes on without.
 *
 *	sandbox_init(&s, &site, "worker", SANDBOX_ACCEPTS);
 *	sandbox_place(&s, "/var/mail", SANDBOX_OWN);
 *	e = sandbox_enter(&s);
 *
 * A system call outside of the set is not made. Those that no code of ours has a use for (ptrace(2), mount(2),
 * execve(2) and the like) end the process at once. The others are reported (sandbox.violation, once each a
 * process) and fail with ENOSYS, which libraries take as the word of an older kernel and have another way
 * for; SITE_SANDBOX_STRICT ends the process there as well, so that tests see what is missing. */
#ifndef POPGATE_SANDBOX_H
#define POPGATE_SANDBOX_H

#include "common/conf/site.h"

#define SANDBOX_PLACES_MAX 32
#define SANDBOX_PORTS_MAX 16

enum sandbox_needs { /* beyond reading and writing what is open, memory, threads, AF_UNIX */
	SANDBOX_ACCEPTS = 1 << 0, /* takes connections from listening sockets */
	SANDBOX_DIALS = 1 << 1, /* makes sockets of IPv4 and IPv6; TCP to sandbox_port()s only */
	SANDBOX_FILES = 1 << 2, /* makes, names, syncs and deletes files */
	SANDBOX_FORKS = 1 << 3, /* copies of itself, and waits for them */
	SANDBOX_STARTS =
		1 << 4, /* programs, which enter sandboxes of their own; with SANDBOX_FORKS */
	SANDBOX_INTERFACES = 1 << 5, /* asks the kernel for the host's addresses */
};

enum sandbox_may {
	SANDBOX_READ, /* files and directories */
	SANDBOX_SHARE, /* and write to files that are there */
	SANDBOX_OWN, /* and make, rename, cut and delete files, directories and links */
	SANDBOX_RUN, /* read and execute */
};

struct sandbox {
	enum site_sandbox mode;
	const char *role; /* borrowed; for the log */
	unsigned needs;
	bool quiet; /* says what is usual at level debug: one of many that are alike */
	size_t places_n, ports_n;
	struct sandbox_place {
		enum sandbox_may may;
		char path[4096];
	} places[SANDBOX_PLACES_MAX];
	uint16_t ports[SANDBOX_PORTS_MAX];
};

/* At the very start of whatever will hold secrets: no core dump, and no look into it by others of its user
 * (PR_SET_DUMPABLE of prctl(2)). */
void sandbox_hide(void);

/* Nothing is given up yet. Every role may read the time zone. */
void sandbox_init(struct sandbox *s, const struct site *site, const char *role, unsigned needs);

/* What lies at path and below. Of a path that is not there yet the nearest directory above it that is, which is
 * said in the log (sandbox.wide). Paths beyond SANDBOX_PLACES_MAX stay closed. */
void sandbox_place(struct sandbox *s, const char *path, enum sandbox_may may);

/* Reading what lies in the directory of path, and in that of what path leads to as a link: a file that is
 * replaced by renaming is another one each time. */
void sandbox_file(struct sandbox *s, const char *path);

/* This very program and what it is linked with, to be started again. */
void sandbox_program(struct sandbox *s);

/* Where a TCP connection may go; without any it may go nowhere (Landlock from ABI 4 on). */
void sandbox_port(struct sandbox *s, uint16_t port);

/* For good, and for all that is started from here on. The process has one thread yet. With
 * SITE_SANDBOX_OFF only a warning is logged, and core dumps are possible again. ERR_BUSY: there are other
 * threads, which it would not hold. ERR_DENIED: the kernel refused a part, and the mode is strict. */
MUST_USE enum err sandbox_enter(const struct sandbox *s);

#endif
