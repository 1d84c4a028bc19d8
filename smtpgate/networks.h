/* networks.h - the client networks that the operator knows: who may relay without a login, until when, and
 * whose line ends are mended. */
#ifndef POPGATE_GATE_NETWORKS_H
#define POPGATE_GATE_NETWORKS_H

#include "common/conf/conf.h"

#define NETWORKS_MAX 256

struct known_network { /* a network section; the text is borrowed from the struct conf */
	struct network network;
	const char *note; /* "" for none */
	int64_t until_ms; /* from here on it is no proof any more; INT64_MAX without an end */
	bool relay; /* it is a proof */
	bool rewrite; /* bare CR and LF in messages become CRLF */
};

struct networks {
	size_t n;
	struct known_network at[NETWORKS_MAX]; /* in the order of the file */
};

/* Reads the network sections of s; complains of titles that are no networks, of dates that are none, and
 * of too many. */
void networks_read(struct networks *out, struct conf_section s, struct buf *complaints);

/* The first that holds a and is a proof at now_ms; *ended, if there is none: one was. NULL if none. */
const struct known_network *networks_proof(
	const struct networks *n, struct addr a, int64_t now_ms, bool *ended);

/* Is one that holds a to have its line ends mended? */
bool networks_rewrite(const struct networks *n, struct addr a);

/* "2027-01-31" as a number: 20270131. False for what is no day from 1970 on. */
MUST_USE bool date_read(struct str text, int *date);

/* "2027-01-31": *ms is the end of that day, UTC. */
MUST_USE bool date_end(struct str text, int64_t *ms);

#endif
