/* listen.c - accepting on inherited sockets. The supervisor keeps each of them open, so closing ours
 * refuses nobody: what waits in the queue is the next worker's.
 *
 * libuv accepts before it asks us, and looks at a listener no more until we have taken what it has accepted. So
 * a connection that there is no memory for is taken into a handle that is kept for that, and closed. */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/net/conn_private.h"

struct listener {
	uv_tcp_t uv;
	struct node node;
	struct loop *loop;
	conn_accepted *accepted;
	const struct conn_balancers *balancers; /* NULL: clients come by themselves */
	void *owner;
	uv_tcp_t spare;
	bool sparing; /* the spare handle is not closed yet */
	bool owed; /* and another connection waits for it */
	bool closed; /* but for the spare handle */
};

static void on_listener_closed(uv_handle_t *h)
{
	struct listener *it = list_entry(h, struct listener, uv);

	it->closed = true;
	if (!it->sparing)
		free(it);
}

void listen_stop(struct loop *l)
{
	while (!list_empty(&l->listeners)) {
		struct listener *it = list_entry(l->listeners.next, struct listener, node);

		list_remove(&it->node);
		uv_close((uv_handle_t *)&it->uv, on_listener_closed);
	}
}

static void on_connection(uv_stream_t *server, int status);

static void on_spare_closed(uv_handle_t *h)
{
	struct listener *it = list_entry(h, struct listener, spare);
	bool owed = it->owed;

	it->sparing = it->owed = false;
	if (it->closed)
		free(it);
	else if (owed && !uv_is_closing((uv_handle_t *)&it->uv))
		on_connection((uv_stream_t *)&it->uv, 0);
}

static void turn_away(struct listener *it)
{
	struct log_line l;

	it->owed = it->sparing;
	if (it->sparing)
		return;
	it->sparing = true;
	uv_tcp_init(&it->loop->uv, &it->spare);
	(void)!uv_accept((uv_stream_t *)&it->uv, (uv_stream_t *)&it->spare);
	uv_close((uv_handle_t *)&it->spare, on_spare_closed);
	log_begin(&l, LOG_LEVEL_ERROR, "memory.short");
	log_text(&l, "what", "a connection was closed");
	log_end_folded(&l);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *it = list_entry(server, struct listener, uv);
	struct conn *c;

	if (status != 0)
		return; /* it was gone before we came */
	if (conn_of_server(it->loop, server, &c) == ERR_NOMEM)
		turn_away(it);
	else if (c != NULL && it->balancers != NULL)
		conn_await_head(c, it->balancers, it->accepted, it->owner);
	else if (c != NULL)
		it->accepted(it->owner, c);
}

enum err conn_listen(struct loop *l, int fd, conn_accepted *accepted, void *owner)
{
	return conn_listen_balanced(l, fd, accepted, NULL, owner);
}

enum err conn_listen_balanced(struct loop *l, int fd, conn_accepted *accepted,
	const struct conn_balancers *balancers, void *owner)
{
	struct listener *it = calloc(1, sizeof(*it));
	int code;

	if (it == NULL)
		return ERR_NOMEM;
	it->loop = l;
	it->accepted = accepted;
	it->balancers = balancers;
	it->owner = owner;
	uv_tcp_init(&l->uv, &it->uv);
	list_append(&l->listeners, &it->node);
	code = uv_tcp_open(&it->uv, fd);
	if (code == 0)
		code = uv_tcp_nodelay(&it->uv, 1); /* inherited by what is accepted (tcp(7)) */
	if (code == 0)
		code = uv_listen((uv_stream_t *)&it->uv, 1024, on_connection);
	if (code != 0) {
		list_remove(&it->node);
		uv_close((uv_handle_t *)&it->uv, on_listener_closed);
	}
	return err_of_uv(code);
}
