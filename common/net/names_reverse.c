/* names_reverse.c - the name of an address: what its reverse zone says, confirmed by the name's own addresses. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/net/names_private.h"

/* One label of it (RFC 1123 2.1, and the underscore that is found in many). */
static bool is_label(struct str label)
{
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
			return false;
	return label.n > 0 && label.n <= 63 && label.p[0] != '-' && label.p[label.n - 1] != '-';
}

/* And no address: that would confirm itself. A next hop may refuse whoever is called otherwise. */
static bool is_name(const char *name)
{
	struct str rest = str_of(name), label;
	bool letters = false, more;

	for (size_t i = 0; i < rest.n; i++)
		letters |= ascii_alnum(name[i]) && !ascii_digit(name[i]);
	if (!letters || rest.n > NAMES_NAME_MAX)
		return false;
	do {
		more = str_split(rest, '.', &label, &rest);
		if (!is_label(label))
			return false;
	} while (more);
	return true;
}

static void add_candidate(struct names_query *q, const char *name)
{
	if (name != NULL && q->candidates_n < CONFIRMED_MAX && is_name(name))
		snprintf(q->candidates[q->candidates_n++], NAMES_NAME_MAX + 1, "%s", name);
}

static void confirm_next(struct names_query *q);

static void on_confirmed(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct names_query *q = arg;
	struct addr addresses[NAMES_ADDRESSES_MAX];
	size_t n = status == ARES_SUCCESS ? names_read_addresses(found, addresses) : 0;
	bool confirmed = false;

	(void)timeouts;
	if (found != NULL)
		ares_freeaddrinfo(found);
	for (size_t i = 0; i < n; i++)
		confirmed |= addr_eq(addresses[i], q->addr);
	if (!confirmed && names_answer_of(status) != NAMES_LATER) {
		q->at++;
		confirm_next(q);
		return;
	}
	if (names_wanted(q))
		names_tell(q, confirmed ? NAMES_FOUND : NAMES_LATER,
			confirmed ? q->candidates[q->at] : "");
	free(q);
}

static void confirm_next(struct names_query *q)
{
	struct ares_addrinfo_hints hints = { .ai_socktype = SOCK_STREAM };

	if (!names_wanted(q) || q->at == q->candidates_n) {
		if (names_wanted(q))
			names_tell(q, NAMES_ABSENT, "");
		free(q);
		return;
	}
	hints.ai_family = addr_is_v4(q->addr) ? AF_INET : AF_INET6;
	ares_getaddrinfo(q->names->channel, q->candidates[q->at], NULL, &hints, on_confirmed, q);
}

void names_on_pointer(void *arg, int status, int timeouts, unsigned char *octets, int n)
{
	struct names_query *q = arg;
	struct hostent *host = NULL;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = ares_parse_ptr_reply(octets, n, NULL, 0, AF_INET, &host);
	if (status == ARES_SUCCESS) {
		for (size_t i = 0; host->h_aliases != NULL && host->h_aliases[i] != NULL; i++)
			add_candidate(q, host->h_aliases[i]);
		if (q->candidates_n == 0)
			add_candidate(q, host->h_name);
		ares_free_hostent(host);
	} else if (names_wanted(q) && names_answer_of(status) == NAMES_LATER) {
		names_tell(q, NAMES_LATER, "");
	}
	confirm_next(q);
}

/* RFC 1035 3.5 and RFC 3596 2.5. */
void names_write_pointer(struct addr a, char *dst)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	if (addr_is_v4(a)) {
		snprintf(dst, NAMES_POINTER_TEXT, "%u.%u.%u.%u.in-addr.arpa", a.b[15], a.b[14],
			a.b[13], a.b[12]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		dst[n++] = digits[a.b[i] & 15];
		dst[n++] = '.';
		dst[n++] = digits[a.b[i] >> 4];
		dst[n++] = '.';
	}
	memcpy(dst + n, "ip6.arpa", 9);
}
