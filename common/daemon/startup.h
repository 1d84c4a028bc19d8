/* startup.h - reading a config as a program of ours does it: at start, for -t, and at each reload. */
#ifndef POPGATE_STARTUP_H
#define POPGATE_STARTUP_H

#include "common/conf/listeners.h"
#include "common/daemon/supervise.h"

#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h(3head) */

/* A config as validated: what a generation of children lives by. */
struct setup {
	struct conf *conf; /* owned */
	struct site site; /* borrows from conf */
	struct listeners listeners;
	int memory; /* owned: a sealed memfd with the octets that were validated */
	int material; /* owned: another, with certificates and keys (common/base/material.h); -1: none */
};

/* Reads and checks path for program. On failure complaints has a line for each thing that is wrong. */
MUST_USE enum err setup_read(
	struct setup *out, const struct program *program, const char *path, struct buf *complaints);
void setup_free(struct setup *s);

#endif
