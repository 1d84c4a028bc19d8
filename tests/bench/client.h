/* client.h - one connection of the load generator: a script played over a socket, with or without TLS.
 *
 * It never blocks. Its owner watches client_fd() for what client_go() asks for, and calls client_go()
 * again. */
#ifndef POPGATE_BENCH_CLIENT_H
#define POPGATE_BENCH_CLIENT_H

#include <openssl/ssl.h>

#include "tests/bench/histogram.h"
#include "tests/bench/hear.h"

#define TICKETS_KEPT 256

enum wish { /* what a client waits for */
	WISH_READ,
	WISH_AGAIN, /* never of client_go() */
	WISH_WRITE,
	WISH_HOLD, /* its script holds the connection */
	WISH_DONE, /* all was right; close it */
	WISH_WRONG, /* close it; client_wrong() was said */
};

struct common { /* what all clients share; borrowed by each */
	const struct plan *plan;
	const struct script *script;
	SSL_CTX *tls; /* NULL: in clear */
	SSL_SESSION *tickets
		[TICKETS_KEPT]; /* owned; not used yet. Each is good for once, RFC 8446 C.4 */
	unsigned tickets_n;
	struct histogram timed; /* of the steps that are timed */
	unsigned long long octets, messages; /* fetched; as STAT said */
	unsigned resumed;
	unsigned complaints; /* said so far; a run says a few and counts the rest */
};

struct client;

/* Connects from the address of session n, as subscriber number user. NULL if that fails at once. */
struct client *client_open(struct common *c, unsigned n, unsigned user);
int client_fd(const struct client *c);
enum wish client_go(struct client *c);

/* Is a held connection still there, and was nothing said on it? */
bool client_is_held(struct client *c);

/* Says on standard error, at the first few, what went wrong where. */
void client_wrong(struct client *c, const char *what);
void client_close(struct client **c);

/* Microseconds since some start. */
int64_t client_now_us(void);

/* The TLS context of a run whose plan wants it. Certificates are not verified: the server is ours. */
MUST_USE bool client_tls_init(struct common *c);
void client_tls_free(struct common *c);

#endif
