/* verb.h - a protocol's commands as rows of a table; knows rows, not protocols. */
#ifndef POPGATE_VERB_H
#define POPGATE_VERB_H

#include "common/line/engine.h"

enum verb_flags {
	VERB_BARE = 1, /* takes no argument */
	VERB_ARGS = 2, /* needs one */
	VERB_SECURE = 4, /* not in clear */
	VERB_LAST = 8, /* nothing may be piped behind it: what comes next is read anew */
};

struct verb {
	const char *name; /* upper case; NULL ends the table */
	unsigned phases; /* in which it is allowed, as bits of the protocol's own */
	unsigned flags;
	enum step (*run)(struct engine *e, struct str args, struct buf *out);
};

enum verb_fit {
	VERB_FITS,
	VERB_UNKNOWN,
	VERB_WRONG_PHASE,
	VERB_NEEDS_TLS,
	VERB_NO_ARGUMENT, /* needs one and has none */
	VERB_ARGUMENT, /* has one and takes none */
	VERB_PIPELINED, /* something was piped behind one that must be the last */
};

/* What is known of a command line besides its octets. */
struct verb_facts {
	unsigned phase; /* one bit */
	bool secure; /* under TLS, or as good as */
	bool more; /* octets wait behind this line */
};

/* Finds the row for line, keyword in any case, one space before the arguments. *verb is set unless
 * VERB_UNKNOWN, *args always: what stands behind the space, borrowed from line. Checks run in the
 * order phase, TLS, arguments, pipelining, and the first that fails is the answer. */
enum verb_fit verb_find(const struct verb *table, struct str line, const struct verb_facts *facts,
	const struct verb **verb, struct str *args);

#endif
