/* sandbox_private.h - the two halves of sandbox.c. */
#ifndef POPGATE_SANDBOX_PRIVATE_H
#define POPGATE_SANDBOX_PRIVATE_H

#include "common/daemon/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITISED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITISED 1
#endif
#endif
#ifndef SANITISED
#define SANITISED \
	0 /* 1: this build's own checks need a look at themselves (ptrace(2), a symboliser) */
#endif

/* landlock.c: *abi is the version that was applied, 0 for none. */
MUST_USE enum err landlock_enter(const struct sandbox *s, int *abi);

/* seccomp.c */
MUST_USE enum err seccomp_enter(const struct sandbox *s);

/* seccomp_calls.c: groups of system calls by name. What an architecture does not have is left out. */
struct seccomp_group {
	unsigned needs; /* one of these bits; 0: everybody */
	const char *const *names; /* ends in NULL */
};
extern const struct seccomp_group seccomp_groups[]; /* ends in NULL names */
extern const char *const seccomp_fatal[]; /* no code of ours has a use for them */
extern const char *const seccomp_absent[]; /* asked for by libraries that can do without */

#endif
