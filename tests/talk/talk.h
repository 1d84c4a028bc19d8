/* talk.h - a conversation with an engine: no socket, and every octet arrives alone.
 *
 *	talk_start(&t, &pop3.engine, answer, owner);
 *	talk_hears(&t, "+OK ready\r\n");                     the greeting
 *	talk_says(&t, "NOOP\r\n", "-ERR Log in first\r\n");    what we say, what comes back
 *	assert_int_equal(t.want, STEP_READ);
 *	talk_end(&t);
 *
 * A question of the engine is handed to answer, which answers through the engine's own header. */
#ifndef POPGATE_TALK_H
#define POPGATE_TALK_H

#include "common/line/engine.h"

struct talk {
	struct engine *engine; /* borrowed */
	void (*answer)(void *owner);
	void *owner;
	struct buf in, out;
	enum step want; /* what the engine said last */
};

void talk_start(struct talk *t, struct engine *e, void (*answer)(void *owner), void *owner);

/* Feeds text octet by octet and checks that all that was said since is exactly reply. */
void talk_says(struct talk *t, const char *text, const char *reply);
void talk_says_octets(struct talk *t, struct str octets, const char *reply);

/* Runs the engine with nothing new. */
void talk_hears(struct talk *t, const char *reply);
void talk_end(struct talk *t);

#endif
