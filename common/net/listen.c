/* listen.c - accepting on inherited sockets. The supervisor keeps each of them open, so closing ours
 * refuses nobody: what waits in the queue is the next worker's. */
#include <stdlib.h>
#include <unistd.h>

#include "common/net/conn_private.h"

struct listener {
	uv_tcp_t uv;
	struct node node;
	struct loop *loop;
	conn_accepted *accepted;
	const struct conn_balancers *balancers; /* NULL: clients come by themselves */
	void *owner;
};

static void on_listener_closed(uv_handle_t *h)
{
	free(list_entry(h, struct listener, uv));
}

void listen_stop(struct loop *l)
{
	while (!list_empty(&l->listeners)) {
		struct listener *it = list_entry(l->listeners.next, struct listener, node);

		list_remove(&it->node);
		uv_close((uv_handle_t *)&it->uv, on_listener_closed);
	}
}

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *it = list_entry(server, struct listener, uv);
	struct conn *c;

	if (status != 0)
		return; /* it was gone before we came */
	c = conn_of_server(it->loop, server);
	if (c != NULL && it->balancers != NULL)
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
