/* names.c - see names.h. c-ares owns its sockets and says which way each is to be watched; a timer that runs
 * while a question is under way moves its retries and ends what takes too long.
 *
 * A query is freed when c-ares has called back for the last time, be its owner told or gone long before. */
#include "common/net/names.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/net/names_private.h"

#define KEPT_FOUND_MS 600000
#define KEPT_ABSENT_MS 60000
#define KEPT_LATER_MS 5000
#define TICK_MS 100
#define TRY_MS 700 /* how long a server has before the next try */

/* --- c-ares on the loop --- */

struct socket {
	uv_poll_t poll;
	struct node node;
	struct names *names;
	ares_socket_t fd;
};

static void on_freed(uv_handle_t *h)
{
	free(h->data);
}

static void on_ready(uv_poll_t *p, int status, int events)
{
	struct socket *s = p->data;
	bool in = status < 0 || (events & UV_READABLE), out = status < 0 || (events & UV_WRITABLE);

	ares_process_fd(
		s->names->channel, in ? s->fd : ARES_SOCKET_BAD, out ? s->fd : ARES_SOCKET_BAD);
}

static struct socket *find_socket(struct names *n, ares_socket_t fd)
{
	for (struct node *at = n->sockets.next; at != &n->sockets; at = at->next) {
		struct socket *s = list_entry(at, struct socket, node);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static struct socket *add_socket(struct names *n, ares_socket_t fd)
{
	struct socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (uv_poll_init(&n->loop->uv, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->names = n;
	s->fd = fd;
	list_append(&n->sockets, &s->node);
	return s;
}

static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct names *n = data;
	struct socket *s = find_socket(n, fd);

	if (!readable && !writable) {
		if (s == NULL)
			return;
		list_remove(&s->node);
		uv_close((uv_handle_t *)&s->poll, on_freed);
		return;
	}
	if (s == NULL)
		s = add_socket(n, fd);
	if (s != NULL) /* else the question runs out of time */
		uv_poll_start(&s->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
			on_ready);
}

/* --- what is kept --- */

static size_t slot_of(struct addr a)
{
	uint32_t h = 2166136261U; /* FNV-1a; who fills a slot only makes us ask again */

	for (size_t i = 0; i < sizeof(a.b); i++)
		h = (h ^ a.b[i]) * 16777619U;
	return h % CACHE_SLOTS;
}

static int64_t now_of(const struct names *n)
{
	return (int64_t)uv_now(&n->loop->uv);
}

bool names_known(const struct names *n, struct addr a, enum names_answer *answer, char *name)
{
	const struct kept *k = &n->cache[slot_of(a)];

	if (now_of(n) >= k->until_ms || !addr_eq(k->addr, a))
		return false;
	*answer = k->answer;
	snprintf(name, NAMES_NAME_MAX + 1, "%s", k->name != NULL ? k->name : "");
	return true;
}

static void keep(struct names *n, struct addr a, enum names_answer answer, const char *name)
{
	static const int64_t kept_ms[] = { KEPT_FOUND_MS, KEPT_ABSENT_MS, KEPT_LATER_MS };
	struct kept *k = &n->cache[slot_of(a)];

	free(k->name);
	*k = (struct kept){ .addr = a, .answer = answer };
	if (answer == NAMES_FOUND)
		k->name = strdup(name);
	if (answer != NAMES_FOUND || k->name != NULL)
		k->until_ms = now_of(n) + kept_ms[answer];
}

/* --- the end of a question --- */

static void stop_timer(struct names *n)
{
	if (n->timer != NULL && list_empty(&n->queries))
		uv_timer_stop(n->timer);
}

/* Off the list: its owner hears of it no more. */
static void detach(struct names_query *q)
{
	list_remove(&q->node);
	q->told = NULL;
	q->told_addresses = NULL;
	stop_timer(q->names);
}

void names_tell(struct names_query *q, enum names_answer answer, const char *name)
{
	names_told *told = q->told;
	void *owner = q->owner;

	keep(q->names, q->addr, answer, name);
	detach(q);
	if (told != NULL)
		told(owner, answer, name);
}

static void tell_addresses(
	struct names_query *q, enum names_answer answer, const struct addr *addresses, size_t n)
{
	names_told_addresses *told = q->told_addresses;
	void *owner = q->owner;

	detach(q);
	if (told != NULL)
		told(owner, answer, addresses, n);
}

bool names_wanted(const struct names_query *q)
{
	return q->told != NULL || q->told_addresses != NULL;
}

static void end_late(struct names_query *q)
{
	if (q->told != NULL)
		names_tell(q, NAMES_LATER, "");
	else
		tell_addresses(q, NAMES_LATER, NULL, 0);
}

static void on_tick(uv_timer_t *t)
{
	struct names *n = t->data;
	struct node *at = n->queries.next;

	while (at !=
		&n->queries) { /* in the order of their ends; each that is told leaves the list */
		struct names_query *q = list_entry(at, struct names_query, node);

		if (now_of(n) < q->until_ms)
			break;
		end_late(q);
		at = n->queries.next;
	}
	ares_process_fd(n->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static struct names_query *begin(struct names *n, void *owner)
{
	struct names_query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->names = n;
	q->owner = owner;
	q->until_ms = now_of(n) + NAMES_WAIT_MS;
	list_append(&n->queries, &q->node);
	uv_timer_start(n->timer, on_tick, TICK_MS, TICK_MS);
	return q;
}

enum names_answer names_answer_of(int status)
{
	switch (status) {
	case ARES_SUCCESS: return NAMES_FOUND;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
	case ARES_EBADRESP: return NAMES_ABSENT;
	default: return NAMES_LATER;
	}
}

/* --- addresses --- */

size_t names_read_addresses(const struct ares_addrinfo *found, struct addr *out)
{
	size_t n = 0;

	for (const struct ares_addrinfo_node *at = found->nodes; at != NULL; at = at->ai_next) {
		if (n == NAMES_ADDRESSES_MAX)
			break;
		out[n] = endpoint_of(at->ai_addr).addr;
		n += at->ai_family == AF_INET || at->ai_family == AF_INET6;
	}
	return n;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct names_query *q = arg;
	struct addr addresses[NAMES_ADDRESSES_MAX];
	size_t n = status == ARES_SUCCESS ? names_read_addresses(found, addresses) : 0;

	(void)timeouts;
	if (found != NULL)
		ares_freeaddrinfo(found);
	if (names_wanted(q))
		tell_addresses(q,
			status == ARES_SUCCESS && n == 0 ? NAMES_ABSENT : names_answer_of(status),
			addresses, n);
	free(q);
}

static const struct ares_addrinfo_hints any_family = { .ai_family = AF_UNSPEC,
	.ai_socktype = SOCK_STREAM };

/* --- questions --- */

/* c-ares may call back inside of the question; so it is asked in the next turn of the loop, when the owner
 * has its query. */
struct put_off {
	uv_timer_t timer;
	struct names_query *query;
	char host[NAMES_NAME_MAX + 1];
};

static void on_put_off(uv_timer_t *t)
{
	struct put_off *p = t->data;
	struct names_query *q = p->query;

	if (!names_wanted(q)) /* and the names may be closed */
		free(q);
	else if (q->told_addresses != NULL)
		ares_getaddrinfo(q->names->channel, p->host, NULL, &any_family, on_addresses, q);
	else
		ares_query(q->names->channel, p->host, C_IN, T_PTR, names_on_pointer, q);
	uv_close((uv_handle_t *)t, on_freed);
}

static struct names_query *put_off(struct names *n, const char *host, void *owner)
{
	struct put_off *p = calloc(1, sizeof(*p));
	struct names_query *q = p != NULL ? begin(n, owner) : NULL;

	if (q == NULL) {
		free(p);
		return NULL;
	}
	p->query = q;
	snprintf(p->host, sizeof(p->host), "%s", host);
	uv_timer_init(&n->loop->uv, &p->timer);
	p->timer.data = p;
	uv_timer_start(&p->timer, on_put_off, 0, 0);
	return q;
}

struct names_query *names_of_host(
	struct names *n, const char *host, names_told_addresses *told, void *owner)
{
	struct names_query *q = put_off(n, host, owner);

	if (q != NULL)
		q->told_addresses = told;
	return q;
}

struct names_query *names_of_address(struct names *n, struct addr a, names_told *told, void *owner)
{
	char pointer[NAMES_POINTER_TEXT];
	struct names_query *q;

	names_write_pointer(a, pointer);
	q = put_off(n, pointer, owner);
	if (q != NULL) {
		q->addr = a;
		q->told = told;
	}
	return q;
}

void names_cancel(struct names_query **q)
{
	if (*q != NULL)
		detach(*q);
	*q = NULL;
}

/* --- begin and end --- */

static enum err open_channel(struct names *n, const char *servers)
{
	struct ares_options options = { .flags = ARES_FLAG_NOSEARCH,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = n,
		.timeout = TRY_MS,
		.tries = 2,
		.ndots = 1 };
	int status = ares_init_options(&n->channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			ARES_OPT_NDOTS);

	if (status != ARES_SUCCESS)
		return ERR_NOMEM;
	if (servers[0] != '\0' && ares_set_servers_ports_csv(n->channel, servers) != ARES_SUCCESS) {
		ares_destroy(n->channel);
		return ERR_SYNTAX;
	}
	return ERR_NONE;
}

enum err names_open(struct names **out, struct loop *l, const char *servers)
{
	struct names *n = calloc(1, sizeof(*n));
	enum err e = ERR_NOMEM;

	if (n == NULL)
		return ERR_NOMEM;
	n->loop = l;
	list_init(&n->sockets);
	list_init(&n->queries);
	n->timer = calloc(1, sizeof(*n->timer));
	if (n->timer != NULL && ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS)
		e = open_channel(n, servers);
	if (e != ERR_NONE) {
		free(n->timer);
		free(n);
		return e;
	}
	uv_timer_init(&l->uv, n->timer);
	n->timer->data = n;
	*out = n;
	return ERR_NONE;
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h);
}

void names_close(struct names **n)
{
	struct names *it = *n;

	if (it == NULL)
		return;
	while (!list_empty(&it->queries)) {
		struct names_query *q = list_entry(it->queries.next, struct names_query, node);

		detach(q);
	}
	ares_destroy(
		it->channel); /* calls back for all that is under way, and gives up its sockets */
	uv_close((uv_handle_t *)it->timer, on_timer_closed);
	ares_library_cleanup();
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		free(it->cache[i].name);
	free(it);
	*n = NULL;
}
