/* serve.h - a pop3d worker: connections, sessions, and the answers to their engines' questions. */
#ifndef POPGATE_POP3_SERVE_H
#define POPGATE_POP3_SERVE_H

#include "common/daemon/kit.h"

/* Serves until told to end. Returns the exit code. */
int pop3_serve(struct kit *kit);

#endif
