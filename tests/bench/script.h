/* script.h - what a session of the load generator says, and what it must hear.
 *
 * A script is a row of steps, part of which may be repeated. Each step waits for its answer before the
 * next one begins, as most clients do. Nothing here knows a socket. */
#ifndef POPGATE_SCRIPT_H
#define POPGATE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

struct plan { /* what all sessions of a run have in common, as given on the command line */
	unsigned port, total;
	unsigned at; /* sessions at a time */
	unsigned opening; /* of those, not held yet at a time; 0: all */
	unsigned rate; /* begun a second, however long they take; 0: each as one ends */
	unsigned limit_s; /* the whole run is given up after that */
	unsigned first; /* number of the first session: of its address, and of its subscriber */
	unsigned sources; /* so many addresses, then the first again */
	unsigned users; /* so many subscribers, then the first again */
	unsigned each; /* repetitions: messages a connection, or messages to fetch */
	unsigned size; /* octets of a message to send */
	const char *user; /* what their names begin with; a number follows unless users is 0 */
	const char *password;
	const char *recipient;
	const char *host; /* the server's address */
	bool tls,
		resume; /* TLS from the first octet; sessions resumed from the second connection on */
	char *body; /* owned; the message to send, dot-stuffed, with its final dot */
	size_t body_n;
};

struct turn { /* which session says it, and how far its repetitions are */
	unsigned user, round;
};

enum hear {
	HEAR_POP3, /* one line, +OK or -ERR */
	HEAR_SMTP, /* lines 250-, the last 250 and a blank */
	HEAR_BODY, /* one line +OK, then all up to the line with the dot alone */
	HEAR_STAT, /* +OK, messages, octets: what is fetched afterwards has to be as much */
	HEAR_HOLD, /* nothing: the connection is kept until the run is over */
	HEAR_END, /* behind the last step */
};

struct step {
	const char *say; /* NULL: says nothing, or what write() writes */
	void (*write)(const struct plan *p, const struct turn *t, struct buf *out);
	enum hear hear;
	const char *want; /* what the answer begins with */
	bool timed; /* this step's own times are counted */
	bool body; /* says the message of the plan */
	bool or_end; /* the server may hang up instead of answering */
};

struct script {
	const char *name, *what;
	const struct step *steps;
	size_t again_from,
		again_to; /* the steps repeated: from the first up to, without, the second */
};

/* NULL: no such script. */
const struct script *script_find(const char *name);

/* The scripts, one after the other; ends with a name of NULL. */
const struct script *script_all(void);

/* Makes the message that the plan wants, of lines of 78 octets. False without memory. */
MUST_USE bool script_make_body(struct plan *p);

#endif
