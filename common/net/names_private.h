/* names_private.h - between names.c, which asks and keeps, and names_reverse.c, which confirms. */
#ifndef POPGATE_NAMES_PRIVATE_H
#define POPGATE_NAMES_PRIVATE_H

#include <ares.h>

#include "common/net/names.h"
#include "common/net/private.h"

#define CACHE_SLOTS 8192 /* a slot an address falls into; a newer answer takes the place */
#define CONFIRMED_MAX 3 /* names of one address that are looked at */
#define NAMES_POINTER_TEXT 80 /* octets of a name below in-addr.arpa or ip6.arpa, with its NUL */

struct kept { /* 40 octets: most addresses have no name */
	struct addr addr;
	int64_t until_ms; /* 0: nothing is kept here */
	enum names_answer answer;
	char *name; /* owned; NULL: none */
};

struct names {
	struct loop *loop;
	ares_channel channel;
	uv_timer_t *timer; /* owned by libuv once closed */
	struct node sockets, queries;
	struct kept cache[CACHE_SLOTS];
};

struct names_query {
	struct names *names;
	struct node node;
	int64_t until_ms;
	names_told *told; /* both NULL: the owner is not interested any more */
	names_told_addresses *told_addresses;
	void *owner;
	struct addr addr;
	size_t candidates_n, at;
	char candidates[CONFIRMED_MAX][NAMES_NAME_MAX + 1];
};

/* Is the owner still interested? */
bool names_wanted(const struct names_query *q);

/* Keeps the answer, and tells the owner if there is one; the caller frees the query. */
void names_tell(struct names_query *q, enum names_answer answer, const char *name);

enum names_answer names_answer_of(int status);

/* Up to NAMES_ADDRESSES_MAX of them into out; returns how many. */
size_t names_read_addresses(const struct ares_addrinfo *found, struct addr *out);

/* names_reverse.c: the name to ask for, and what is done with the answer (ares_query()). */
void names_write_pointer(struct addr a, char *dst);
void names_on_pointer(void *arg, int status, int timeouts, unsigned char *octets, int n);

#endif
