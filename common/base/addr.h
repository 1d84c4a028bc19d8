/* addr.h - client addresses and networks as values.
 *
 * An address is 16 octets in network order; IPv4 stands as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so an
 * IPv4-mapped IPv6 client is an IPv4 client and has one key. A prefix length always counts from the
 * first of the 128 bits: an IPv4 /24 is 120 here, and reads and prints as /24. */
#ifndef POPGATE_ADDR_H
#define POPGATE_ADDR_H

#include "common/base/str.h"

struct sockaddr;
struct sockaddr_storage;

struct addr {
	uint8_t b[16];
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

struct network {
	struct addr addr; /* no bit set behind the prefix */
	uint8_t prefix; /* 0 to 128 */
};

#define ADDR_TEXT 48 /* octets that any address, network or endpoint's address takes, with NUL */
#define ENDPOINT_TEXT 56 /* "[v6]:port" with NUL */

bool addr_eq(struct addr a, struct addr b);
bool addr_is_v4(struct addr a);

/* 127.0.0.0/8 or ::1. */
bool addr_is_loopback(struct addr a);

/* As people write it: "192.0.2.1", "2001:db8::1" (RFC 5952). dst has ADDR_TEXT octets. Returns dst. */
char *addr_format(struct addr a, char *dst);

/* Reads what addr_format() writes, nothing around it, no brackets, no zone. */
MUST_USE bool addr_parse(struct str s, struct addr *out);

/* The first prefix bits; all others zero. */
struct addr addr_mask(struct addr a, unsigned prefix);

/* The window's key: IPv4 to v4_prefix (0-32), IPv6 to v6_prefix (0-128). */
struct addr addr_key(struct addr a, unsigned v4_prefix, unsigned v6_prefix);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. False for junk and for bits set behind the
 * prefix: it may be a mistyped prefix, and one address too many relays. */
MUST_USE bool network_parse(struct str s, struct network *out);
bool network_holds(struct network n, struct addr a);
char *network_format(struct network n, char *dst); /* dst has ADDR_TEXT octets; returns dst */

/* "127.0.0.1:110", "[::]:995". A port of 0 is refused. */
MUST_USE bool endpoint_parse(struct str s, struct endpoint *out);
char *endpoint_format(struct endpoint e, char *dst); /* dst has ENDPOINT_TEXT octets; returns dst */

/* Of an AF_INET or AF_INET6 socket; any other family is all zero. */
struct endpoint endpoint_of(const struct sockaddr *sa);

/* The socket address; IPv4 gives AF_INET. Returns its length in octets. */
unsigned endpoint_to_sockaddr(struct endpoint e, struct sockaddr_storage *out);

#endif
