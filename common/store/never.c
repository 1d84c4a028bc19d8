/* never.c - see never.h. Of a loopback interface with 127.0.0.1/8 only 127.0.0.1 is the host's own: the
 * others are clients like any other. */
#include "common/store/never.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <sys/socket.h>

struct never {
	struct conf_section root, window;
	struct addr *own; /* owned */
	size_t own_n;
};

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
	never_refresh(n);
	*out = n;
	return ERR_NONE;
}

void never_close(struct never **n)
{
	if (*n == NULL)
		return;
	free((*n)->own);
	free(*n);
	*n = NULL;
}

static bool stands_in(struct conf_section s, const char *list, struct addr a)
{
	for (size_t i = 0; i < conf_count(s, list); i++)
		if (network_holds(conf_nth_network(s, list, i), a))
			return true;
	return false;
}

/* A balancer is nobody's client: who is let in by its address is all the world. */
bool never_holds(const struct never *n, struct addr a)
{
	for (size_t i = 0; i < n->own_n; i++)
		if (addr_eq(n->own[i], a))
			return true;
	return stands_in(n->window, "never", a) || stands_in(n->root, "proxies", a);
}
