/* addr.c - addresses between text, socket and key. Text goes through inet_pton() and inet_ntop(), IPv4 out by hand. */
#include "common/base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool addr_eq(struct addr a, struct addr b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

bool addr_is_v4(struct addr a)
{
	return memcmp(a.b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool addr_is_loopback(struct addr a)
{
	static const struct addr v6_loopback = { { [15] = 1 } };

	return addr_is_v4(a) ? a.b[12] == 127 : addr_eq(a, v6_loopback);
}

/* By hand: inet_ntop(3) goes through sprintf(3), and there are five of these in a message. */
static void format_v4(const uint8_t *four, char *dst)
{
	for (size_t i = 0; i < 4; i++) {
		unsigned n = four[i];

		if (n >= 100)
			*dst++ = (char)('0' + n / 100);
		if (n >= 10)
			*dst++ = (char)('0' + n / 10 % 10);
		*dst++ = (char)('0' + n % 10);
		*dst++ = i < 3 ? '.' : '\0';
	}
}

char *addr_format(struct addr a, char *dst)
{
	if (addr_is_v4(a))
		format_v4(a.b + 12, dst);
	else
		inet_ntop(AF_INET6, a.b, dst, ADDR_TEXT);
	return dst;
}

static struct addr addr_of_v4(const void *four)
{
	struct addr a;

	memcpy(a.b, v4_mapped, sizeof(v4_mapped));
	memcpy(a.b + 12, four, 4);
	return a;
}

bool addr_parse(struct str s, struct addr *out)
{
	char text[ADDR_TEXT];
	uint8_t bytes[16];

	if (!str_to_cstr(s, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, bytes) == 1) {
		*out = addr_of_v4(bytes);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	memcpy(out->b, bytes, sizeof(out->b));
	return true;
}

struct addr addr_mask(struct addr a, unsigned prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;

		if (bits < 8)
			a.b[i] = (uint8_t)(a.b[i] & ~(0xffU >> bits));
	}
	return a;
}

struct addr addr_key(struct addr a, unsigned v4_prefix, unsigned v6_prefix)
{
	return addr_mask(a, addr_is_v4(a) ? 96 + v4_prefix : v6_prefix);
}

bool network_parse(struct str s, struct network *out)
{
	struct str head, tail;
	struct addr a;
	uint64_t prefix;
	unsigned base;
	bool given = str_split(s, '/', &head, &tail);

	if (!addr_parse(head, &a))
		return false;
	base = addr_is_v4(a) ? 96 : 0;
	if (!given)
		prefix = 128 - base;
	else if (!str_to_u64(tail, 128 - base, &prefix))
		return false;
	if (!addr_eq(addr_mask(a, base + (unsigned)prefix), a))
		return false;
	*out = (struct network){ a, (uint8_t)(base + prefix) };
	return true;
}

bool network_holds(struct network n, struct addr a)
{
	return addr_eq(addr_mask(a, n.prefix), n.addr);
}

char *network_format(struct network n, char *dst)
{
	unsigned base = addr_is_v4(n.addr) && n.prefix >= 96 ? 96 : 0;
	size_t used = strlen(addr_format(n.addr, dst));

	snprintf(dst + used, ADDR_TEXT - used, "/%u", n.prefix - base);
	return dst;
}

bool endpoint_parse(struct str s, struct endpoint *out)
{
	struct str host, port;
	struct endpoint e;
	uint64_t number;
	bool bracketed = s.n > 0 && s.p[0] == '[';

	if (bracketed) {
		if (!str_split(str_from(s, 1), ']', &host, &port) || port.n == 0 ||
			port.p[0] != ':')
			return false;
		port = str_from(port, 1);
	} else if (!str_split(s, ':', &host, &port)) {
		return false;
	}
	if (!addr_parse(host, &e.addr) || !str_to_u64(port, 65535, &number) || number == 0)
		return false;
	if (bracketed != (str_find(host, ':') < host.n))
		return false;
	e.port = (uint16_t)number;
	*out = e;
	return true;
}

char *endpoint_format(struct endpoint e, char *dst)
{
	char text[ADDR_TEXT];

	snprintf(dst, ENDPOINT_TEXT, addr_is_v4(e.addr) ? "%s:%u" : "[%s]:%u",
		addr_format(e.addr, text), e.port);
	return dst;
}

struct endpoint endpoint_of(const struct sockaddr *sa)
{
	struct endpoint e = { 0 };

	if (sa->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, sa, sizeof(v4));
		e.addr = addr_of_v4(&v4.sin_addr);
		e.port = ntohs(v4.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, sa, sizeof(v6));
		memcpy(e.addr.b, &v6.sin6_addr, sizeof(e.addr.b));
		e.port = ntohs(v6.sin6_port);
	}
	return e;
}

unsigned endpoint_to_sockaddr(struct endpoint e, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(e.port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(e.port) };

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(e.addr)) {
		memcpy(&v4.sin_addr, e.addr.b + 12, 4);
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memcpy(&v6.sin6_addr, e.addr.b, sizeof(e.addr.b));
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}
