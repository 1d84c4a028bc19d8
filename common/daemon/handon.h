/* handon.h - what a supervisor leaves to the program that it becomes by an upgrade, as words of its environment.
 *
 * The process stays, and with it the children and the descriptors. What is understood never changes its
 * meaning and unknown words are passed over, because the two programs are of different versions. Memory that
 * children share is taken over only from a program with the same HANDON_LAYOUT; otherwise its children go on with
 * theirs, and the new ones get their own. */
#ifndef POPGATE_HANDON_H
#define POPGATE_HANDON_H

#include "common/base/buf.h"
#include "common/daemon/counters.h"
#include "common/daemon/passed.h"

#define HANDON_ENVIRONMENT "POPGATE_UPGRADE"
#define HANDON_LAYOUT \
	1 /* one more whenever the layout of any shared memory or what children tell each other changes */
#define HANDON_SOCKETS 2048
#define HANDON_WORDS_MAX (64 << 10) /* octets; execve(2) takes 128 kB a word */

struct handon {
	unsigned layout;
	unsigned generation; /* of the last config */
	int counters, clients, tickets, verified; /* memfds; -1: none */
	int alive[2], deliver[2]; /* -1: none */
	size_t own_n, passed_n;
	int own[HANDON_SOCKETS]; /* listening sockets, in the order of worker slots within an endpoint */
	int passed[PASSED_MAX]; /* those of the service manager */
	size_t children_n;
	struct handon_child {
		pid_t pid;
		char role[COUNTERS_ROLE];
		unsigned slot, generation, seat;
		bool told; /* to end */
	} children[COUNTERS_SLOTS];
};

/* "layout=1 generation=7 counters=5 ... own=8,9 child=4711:worker:0:7:3:0". Nothing is written where
 * there is nothing. words->broken if it is too long. */
void handon_write(const struct handon *h, struct buf *words);

/* Reads them. False: they are no such words, and *out is of no use. */
MUST_USE bool handon_read(struct str words, struct handon *out);

#endif
