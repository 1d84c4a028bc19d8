/* never.c - see never.h. Of a loopback interface with 127.0.0.1/8 only 127.0.0.1 is the host's own: the
 * others are clients like any other. */
#include "common/store/never.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <sys/socket.h>

struct count {
	struct hits hits;
	bool changed; /* since it was last written */
};

struct never {
	struct conf_section root, window;
	struct addr *own; /* owned */
	size_t own_n;
	struct count *counts; /* owned: of our own addresses, then of each network */
	bool known; /* what was counted before we started is in them */
};

/* Those listed, and the balancers: nobody's clients, for who is let in by their address is all the world. */
static size_t networks(const struct never *n)
{
	return conf_count(n->window, "never") + conf_count(n->root, "proxies");
}

static struct network nth(const struct never *n, size_t i)
{
	size_t listed = conf_count(n->window, "never");

	return i < listed ? conf_nth_network(n->window, "never", i)
			  : conf_nth_network(n->root, "proxies", i - listed);
}

static size_t count(const struct ifaddrs *list)
{
	size_t n = 0;

	for (; list != NULL; list = list->ifa_next)
		n++;
	return n;
}

void never_refresh(struct never *n)
{
	struct ifaddrs *list, *i;
	struct addr *own;

	if (getifaddrs(&list) != 0)
		return;
	own = calloc(count(list) + 1, sizeof(*own));
	if (own != NULL) {
		free(n->own);
		n->own = own;
		n->own_n = 0;
		for (i = list; i != NULL; i = i->ifa_next)
			if (i->ifa_addr != NULL &&
				(i->ifa_addr->sa_family == AF_INET ||
					i->ifa_addr->sa_family == AF_INET6))
				n->own[n->own_n++] = endpoint_of(i->ifa_addr).addr;
	}
	freeifaddrs(list);
}

enum err never_open(struct never **out, struct conf *c)
{
	struct never *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return ERR_NOMEM;
	n->root = conf_root(c);
	n->window = conf_section(n->root, "window", 0);
	n->counts = calloc(networks(n) + 1, sizeof(*n->counts));
	if (n->counts == NULL) {
		free(n);
		return ERR_NOMEM;
	}
	never_refresh(n);
	*out = n;
	return ERR_NONE;
}

void never_close(struct never **n)
{
	if (*n == NULL)
		return;
	free((*n)->own);
	free((*n)->counts);
	free(*n);
	*n = NULL;
}

static bool is_own(const struct never *n, struct addr a)
{
	for (size_t i = 0; i < n->own_n; i++)
		if (addr_eq(n->own[i], a))
			return true;
	return false;
}

/* Place in counts; false: it may be granted. */
static bool find(const struct never *n, struct addr a, size_t *place)
{
	*place = 0;
	if (is_own(n, a))
		return true;
	for (*place = 1; *place <= networks(n); ++*place)
		if (network_holds(nth(n, *place - 1), a))
			return true;
	return false;
}

bool never_holds(struct never *n, struct addr a, int64_t now_ms, char *network, uint64_t *hits)
{
	struct count *c;
	size_t place;

	if (!find(n, a, &place))
		return false;
	c = &n->counts[place];
	c->hits.n++;
	c->hits.last_ms = now_ms;
	c->changed = true;
	*hits = c->hits.n;
	if (place == 0)
		(void)!str_to_cstr(STR("own"), network, ADDR_TEXT);
	else
		network_format(nth(n, place - 1), network);
	return true;
}

/* The network of a place; NULL: our own addresses. */
static const struct network *network_at(const struct never *n, size_t place, struct network *to)
{
	if (place == 0)
		return NULL;
	*to = nth(n, place - 1);
	return to;
}

static enum err learn(struct never *n, struct table *t)
{
	enum err e = ERR_NONE;

	for (size_t i = 0; i <= networks(n) && e == ERR_NONE; i++) {
		struct network of;
		struct hits before;

		e = table_get_hits(t, network_at(n, i, &of), &before);
		if (e == ERR_NONE)
			n->counts[i].hits.n += before.n;
		if (e == ERR_NONE && n->counts[i].hits.last_ms < before.last_ms)
			n->counts[i].hits.last_ms = before.last_ms;
	}
	n->known = e == ERR_NONE;
	return e;
}

enum err never_save(struct never *n, struct table *t)
{
	enum err e = n->known ? ERR_NONE : learn(n, t);

	for (size_t i = 0; i <= networks(n) && e == ERR_NONE; i++) {
		struct network of;

		if (!n->counts[i].changed)
			continue;
		e = table_put_hits(t, network_at(n, i, &of), &n->counts[i].hits);
		n->counts[i].changed = e != ERR_NONE;
	}
	return e;
}
