/* dial.c - connections that we begin: to a next hop, or over a descriptor we were given. */
#include <stdlib.h>
#include <unistd.h>

#include "common/net/conn_private.h"

static void on_connected(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	free(req);
	c->connecting = false;
	if (c->closing)
		return;
	if (status != 0) {
		conn_close(c, status == UV_ETIMEDOUT ? "idle" : "refused");
		return;
	}
	conn_pump(c);
}

/* The owner hears of this failure from our caller's return value, not from gone(). */
static enum err give_up(struct conn *c, int code)
{
	c->hooks = NULL;
	conn_close(c, "refused");
	return err_of_uv(code);
}

static int start_connect(struct conn *c, struct endpoint to, const char *path)
{
	uv_connect_t *req = malloc(sizeof(*req));
	struct sockaddr_storage sa;
	int code;

	if (req == NULL)
		return UV_ENOMEM;
	req->data = c;
	if (path != NULL) {
		uv_pipe_connect(req, &c->uv.pipe, path, on_connected);
		return 0; /* its failures come through the call-back */
	}
	endpoint_to_sockaddr(to, &sa);
	uv_tcp_nodelay(&c->uv.tcp, 1);
	code = uv_tcp_connect(req, &c->uv.tcp, (struct sockaddr *)&sa, on_connected);
	if (code != 0)
		free(req);
	return code;
}

enum err conn_dial(struct conn **out, struct loop *l, struct endpoint to, const char *path,
	struct engine *e, const struct conn_settings *s)
{
	struct conn *c = conn_new(l, path != NULL);
	int code;

	if (c == NULL)
		return ERR_NOMEM;
	conn_set_engine(c, e, s);
	c->peer = to;
	c->connecting = true;
	code = start_connect(c, to, path);
	if (code != 0)
		return give_up(c, code);
	*out = c;
	return ERR_NONE;
}

enum err conn_adopt(
	struct conn **out, struct loop *l, int fd, struct engine *e, const struct conn_settings *s)
{
	struct conn *c = conn_new(l, true);
	int code;

	if (c == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	conn_set_engine(c, e, s);
	code = uv_pipe_open(&c->uv.pipe, fd);
	if (code != 0) {
		close(fd);
		return give_up(c, code);
	}
	*out = c;
	conn_pump(c);
	return ERR_NONE;
}
