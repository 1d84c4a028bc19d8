/* leg.c - see leg.h. The wire is a thing of its own because libuv frees a conn later than we let it go:
 * a dropped wire has no leg any more and is freed by its gone(). */
#include "smtpgate/leg.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/list.h"
#include "smtpgate/deliver.h"

struct leg_wire {
	struct upstream upstream;
	struct conn *conn;
	struct leg *leg; /* NULL: dropped */
};

static struct leg_wire *wire_of(struct engine *e)
{
	return list_entry(e, struct leg_wire, upstream.engine);
}

static enum leg_news news_of(struct upstream *u)
{
	switch (u->event) {
	case EVENT_READY: return LEG_READY;
	case EVENT_EARLY: return LEG_EARLY;
	case EVENT_REPLY:
	case EVENT_NONE:
	case EVENT_BROKEN: break;
	}
	return LEG_REPLY;
}

static void on_ask(struct conn *c, struct engine *e)
{
	struct leg_wire *w = wire_of(e);
	struct leg *l = w->leg;

	if (l == NULL)
		return;
	if (w->upstream.event == EVENT_BROKEN) {
		conn_close(c, "out of step");
		return;
	}
	conn_patience(c, 0); /* it owes us nothing now */
	if (w->upstream.event == EVENT_READY)
		l->ready = true;
	l->heard(l->relay, l, news_of(&w->upstream));
	conn_resume(c); /* if it is still there: a closed conn does not mind */
}

static void on_flowed(struct conn *c, struct engine *e)
{
	struct leg_wire *w = wire_of(e);

	if (w->leg == NULL)
		return;
	if (conn_unsent(c) == 0 && w->upstream.state == UPSTREAM_BODY)
		conn_patience(c, 0); /* it is the client who is slow */
	w->leg->heard(w->leg->relay, w->leg, LEG_FLOWED);
}

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct leg_wire *w = wire_of(e);
	struct leg *l = w->leg;

	(void)c;
	upstream_free(&w->upstream);
	free(w);
	if (l == NULL)
		return;
	l->wire = NULL;
	l->ready = false;
	l->why = why;
	l->heard(l->relay, l, LEG_GONE);
}

static const struct conn_hooks hooks = { .ask = on_ask, .flowed = on_flowed, .gone = on_gone };

/* One end of a socket pair for us, the other for the deliver role, over the channel it inherited. */
static enum err hand_over(int channel, char octet, int *ours)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &octet, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int pair[2];
	bool sent;

	if (channel < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return ERR_NOMEM;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
	sent = sendmsg(channel, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
	close(pair[1]);
	if (sent)
		*ours = pair[0];
	else
		close(pair[0]);
	return sent ? ERR_NONE : ERR_BUSY;
}

static enum err connect_wire(struct leg *l, struct leg_wire *w)
{
	const struct conn_settings settings = { .hooks = &hooks,
		.duplex = true,
		.in_max = UPSTREAM_IN_MAX,
		.out_max = UPSTREAM_OUT_MAX,
		.idle_ms = l->site->settings->next_hop_ms };
	enum err e;
	int fd;

	if (l->hop->kind == HOP_SMTP)
		return conn_dial(&w->conn, l->site->loop, l->hop->endpoint, NULL,
			&w->upstream.engine, &settings);
	e = hand_over(l->site->deliver,
		l->hop == &l->site->settings->relay_to ? DELIVER_RELAYED : DELIVER_LOCAL, &fd);
	if (e != ERR_NONE)
		return e;
	return conn_adopt(&w->conn, l->site->loop, fd, &w->upstream.engine, &settings);
}

void leg_init(struct leg *l, struct relay *r, leg_heard *heard, const struct relay_site *site,
	const struct hop *hop)
{
	*l = (struct leg){ .relay = r, .heard = heard, .site = site, .hop = hop };
}

enum err leg_open(struct leg *l)
{
	struct leg_wire *w = calloc(1, sizeof(*w));
	enum err e;

	if (w == NULL)
		return ERR_NOMEM;
	upstream_init(&w->upstream, l->site->hostname, l->hop->kind == HOP_MAILDIR);
	l->ready = l->mailed = l->dotted = false;
	l->accepted = 0;
	w->leg = l;
	l->wire = w;
	e = connect_wire(l, w);
	if (e != ERR_NONE) {
		l->wire = NULL;
		upstream_free(&w->upstream);
		free(w);
	}
	return e;
}

void leg_drop(struct leg *l)
{
	struct leg_wire *w = l->wire;

	l->wire = NULL;
	l->ready = l->mailed = l->dotted = false;
	l->accepted = 0;
	if (w == NULL)
		return;
	w->leg = NULL;
	conn_close(w->conn, "dropped");
}

void leg_quit(struct leg *l)
{
	struct leg_wire *w = l->wire;

	if (w == NULL || w->upstream.state != UPSTREAM_READY || conn_unsent(w->conn) > 0) {
		leg_drop(l);
		return;
	}
	l->wire = NULL;
	l->ready = l->mailed = l->dotted = false;
	l->accepted = 0;
	w->leg = NULL;
	upstream_quit(&w->upstream);
	conn_patience(w->conn,
		l->site->settings->next_hop_ms < 10000 ? l->site->settings->next_hop_ms : 10000);
	conn_poke(w->conn);
}

struct upstream *leg_upstream(struct leg *l)
{
	return l->wire != NULL ? &l->wire->upstream : NULL;
}

void leg_go(struct leg *l, int64_t patience_ms)
{
	conn_patience(l->wire->conn, patience_ms);
	conn_poke(l->wire->conn);
}

void leg_body(struct leg *l, struct buf *octets, int64_t patience_ms)
{
	struct conn *c = l->wire->conn;

	upstream_body(&l->wire->upstream, octets);
	conn_patience(c, patience_ms);
	conn_poke(c);
	if (leg_unsent(l) == 0) /* 0 as well if it is gone, and then nobody minds */
		conn_patience(c, 0);
}

bool leg_has_input(const struct leg *l)
{
	return l->wire != NULL && conn_has_input(l->wire->conn);
}

size_t leg_unsent(const struct leg *l)
{
	return l->wire != NULL ? conn_unsent(l->wire->conn) : 0;
}
