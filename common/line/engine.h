/* engine.h - a protocol as a machine that is fed octets, fills octets and says what it wants next.
 *
 * An engine knows no socket, no clock and no file. Whoever drives it (common/net/conn.h, or a test)
 * calls run() with what has arrived and obeys the step it returns. What the engine asks of its owner
 * on STEP_ASK stands in its own header; the owner answers through that header and then has run()
 * called again. A concrete engine holds a struct engine as its first member. */
#ifndef POPGATE_ENGINE_H
#define POPGATE_ENGINE_H

#include "common/base/buf.h"

enum step { /* what an engine wants of whoever drives it */
	STEP_AGAIN, /* one command done: call me again */
	STEP_READ, /* nothing whole in 'in': call me when it has grown */
	STEP_ASK, /* I asked my owner something: call me once it is answered */
	STEP_TLS, /* send 'out', then speak TLS from here on: what 'in' still holds came in clear and is
		     dropped unread, and run() is called again once the handshake is done, or never */
	STEP_CLOSE, /* send 'out', then hang up */
	STEP_PART, /* the same, and the peer has said that nothing more comes from it: it is not waited for */
};

enum farewell { /* why a connection is to end that its engine did not end */
	FAREWELL_IDLE, /* the peer was silent for too long */
	FAREWELL_SHUTDOWN, /* the daemon ends */
};

struct engine;
struct engine_ops {
	/* Takes from in what it uses, adds to out what it says. The first call, with nothing in in,
	 * is the greeting. Never called again after STEP_CLOSE or STEP_PART. */
	enum step (*run)(struct engine *e, struct buf *in, struct buf *out);

	/* Last words, if the protocol has any; run() is not called again. */
	void (*farewell)(struct engine *e, enum farewell why, struct buf *out);

	/* Something would be lost or doubled if the connection ended now. */
	bool (*busy)(const struct engine *e);
};
struct engine {
	const struct engine_ops *ops;
};

#endif
