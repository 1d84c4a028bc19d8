/* peers.h - the store's socket: who is connected, what each may ask, requests in and answers out. */
#ifndef POPGATE_PEERS_H
#define POPGATE_PEERS_H

#include "common/conf/site.h"
#include "common/store/store.h"

struct peers;

/* What a peer asks of the history. fd is the peer's, closed when this returns: whoever answers later has a copy. */
typedef void peers_asked(void *owner, const struct request *r, int fd);

/* Binds run_dir/SITE_STORE_SOCKET, replacing a stale one: only for whoever holds the store's lock. */
MUST_USE enum err peers_open(
	struct peers **out, const struct site *site, peers_asked *asked, void *owner);
void peers_close(struct peers **p);

/* Waits up to wait_ms for requests or for signal_fd. Puts up to max requests into batch; those of a peer
 * that may not ask them, and packets that are none, end its connection and are logged. */
size_t peers_wait(struct peers *p, int signal_fd, int wait_ms, struct pending *batch, size_t max);

/* How many are connected. */
size_t peers_count(const struct peers *p);

/* Sends the answers of a batch to whoever is still there. */
void peers_answer(struct peers *p, const struct pending *batch, size_t n);

/* Then tells those who watch what came of it. Nobody is waited for. */
void peers_tell(struct peers *p, const struct pending *batch, size_t n, int64_t now_ms);

#endif
