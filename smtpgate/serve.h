/* serve.h - a smtpgate worker: connections, sessions, proofs, and the log of what was decided. */
#ifndef POPGATE_GATE_SERVE_H
#define POPGATE_GATE_SERVE_H

#include "common/daemon/kit.h"

/* Serves until told to end. Returns the exit code. */
int gate_serve(struct kit *kit);

#endif
