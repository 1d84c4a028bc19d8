/* proxyhdr.c - see proxyhdr.h. Sections are those of proxy-protocol.txt. */
#include "common/line/proxyhdr.h"

#include "common/base/crc32c.h"

#define V1_MAX 107 /* octets with CRLF, 2.1 */
#define V1_WORD STR("PROXY ")
#define V2_SIGNATURE STR("\r\n\r\n\0\r\nQUIT\n")
#define V2_FIXED 16 /* octets before the addresses, 2.2 */

enum { /* types of TLVs that we look at, 2.2 */
	TLV_CRC32C = 0x03,
	TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21,
	TLV_SSL_CIPHER = 0x23,
};

#define SSL_CLIENT 0x01 /* among the flags of TLV_SSL: it came over TLS, 2.2.6 */

/* in so far against what must stand there. */
static enum proxyhdr begins(struct str in, struct str wanted)
{
	size_t n = in.n < wanted.n ? in.n : wanted.n;

	if (memcmp(in.p, wanted.p, n) != 0)
		return PROXYHDR_BROKEN;
	return n == wanted.n ? PROXYHDR_WHOLE : PROXYHDR_PARTIAL;
}

/* Nobody's address: what has it cannot be found again. */
static bool is_unspecified(struct addr a)
{
	const struct addr v4 = { { [10] = 0xff, [11] = 0xff } }, v6 = { 0 };

	return addr_eq(a, v4) || addr_eq(a, v6);
}

static void set_client(struct proxyhdr_facts *out, struct endpoint client, struct endpoint gate)
{
	out->of = PROXIED_UNKNOWN;
	if (is_unspecified(client.addr))
		return;
	out->of = PROXIED_CLIENT;
	out->client = client;
	out->gate = gate;
}

/* --- version 1, section 2.1 --- */

/* No zeros in front: they might be taken for octal. */
static bool read_port(struct str s, uint16_t *out)
{
	uint64_t n;

	if (!str_to_u64(s, UINT16_MAX, &n) || (s.n > 1 && s.p[0] == '0'))
		return false;
	*out = (uint16_t)n;
	return true;
}

/* "TCP6" may carry an IPv4 client that an IPv6 socket took: ::ffff:192.0.2.1. */
static bool read_addr(struct str s, bool v6, struct addr *out)
{
	return (str_find(s, ':') < s.n) == v6 && addr_parse(s, out);
}

static bool read_ends(struct str s, bool v6, struct proxyhdr_facts *out)
{
	struct str from, to, from_port, to_port;
	struct endpoint client, gate;

	if (!str_split(s, ' ', &from, &s) || !str_split(s, ' ', &to, &s) ||
		!str_split(s, ' ', &from_port, &to_port) || !read_addr(from, v6, &client.addr) ||
		!read_addr(to, v6, &gate.addr) || !read_port(from_port, &client.port) ||
		!read_port(to_port, &gate.port))
		return false;
	set_client(out, client, gate);
	return true;
}

/* Behind UNKNOWN anything may stand, and counts for nothing. */
static bool read_line(struct str line, struct proxyhdr_facts *out)
{
	struct str protocol, rest;

	(void)str_split(line, ' ', &protocol, &rest);
	out->of = PROXIED_UNKNOWN;
	if (str_eq(protocol, STR("UNKNOWN")))
		return true;
	return (str_eq(protocol, STR("TCP4")) && read_ends(rest, false, out)) ||
		(str_eq(protocol, STR("TCP6")) && read_ends(rest, true, out));
}

/* The line ends in CRLF, and neither stands alone in it. */
static enum proxyhdr read_v1(
	struct str in, struct proxyhdr_facts *out, size_t *used, const char **why)
{
	size_t limit = in.n < V1_MAX ? in.n : V1_MAX, cr = 0;

	*why = "malformed";
	while (cr < limit && in.p[cr] != '\r' && in.p[cr] != '\n')
		cr++;
	if (cr >= V1_MAX - 1) {
		*why = "too-long";
		return PROXYHDR_BROKEN;
	}
	if (cr == in.n || (cr + 1 == in.n && in.p[cr] == '\r'))
		return PROXYHDR_PARTIAL;
	if (in.p[cr] == '\n' || in.p[cr + 1] != '\n' ||
		!read_line(str_from(str_first(in, cr), V1_WORD.n), out))
		return PROXYHDR_BROKEN;
	*used = cr + 2;
	return PROXYHDR_WHOLE;
}

/* --- version 2, section 2.2 --- */

static unsigned u16_at(struct str s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 | (unsigned char)s.p[at + 1];
}

struct tlv {
	unsigned type;
	struct str value;
};

/* Takes the first TLV off *rest. */
static bool next_tlv(struct str *rest, struct tlv *out)
{
	size_t n;

	if (rest->n < 3)
		return false;
	n = u16_at(*rest, 1);
	if (n > rest->n - 3)
		return false;
	out->type = (unsigned char)rest->p[0];
	out->value = str_first(str_from(*rest, 3), n);
	*rest = str_from(*rest, 3 + n);
	return true;
}

/* For the log: what does not fit there is left unsaid. */
static void read_name(struct str s, char *dst, size_t size)
{
	bool fine = s.n < size;

	for (size_t i = 0; i < s.n && fine; i++)
		fine = s.p[i] > ' ' && s.p[i] <= '~';
	if (!fine || !str_to_cstr(s, dst, size))
		dst[0] = '\0';
}

/* Flags, four octets on the client's certificate, and TLVs of its own. */
static bool read_ssl(struct str value, struct proxyhdr_facts *out)
{
	struct tlv t;

	if (value.n < 5)
		return false;
	out->tls = (value.p[0] & SSL_CLIENT) != 0;
	for (value = str_from(value, 5); value.n > 0;) {
		if (!next_tlv(&value, &t))
			return false;
		if (t.type == TLV_SSL_VERSION)
			read_name(t.value, out->tls_version, sizeof(out->tls_version));
		if (t.type == TLV_SSL_CIPHER)
			read_name(t.value, out->tls_cipher, sizeof(out->tls_cipher));
	}
	return true;
}

/* 2.2.3: over the whole header, with zeros in its own place. */
static bool checksum_fits(struct str header, struct str value)
{
	char copy[PROXYHDR_MAX];
	size_t at = (size_t)(value.p - header.p);
	uint32_t said = (uint32_t)u16_at(value, 0) << 16 | u16_at(value, 2);

	memcpy(copy, header.p, header.n);
	memset(copy + at, 0, 4);
	return crc32c(copy, header.n) == said;
}

/* Why not, or NULL. */
static const char *read_tlvs(struct str header, struct str rest, struct proxyhdr_facts *out)
{
	bool summed = false, ssl = false;
	struct tlv t;

	while (rest.n > 0) {
		if (!next_tlv(&rest, &t))
			return "malformed";
		if (t.type == TLV_CRC32C) {
			if (summed || t.value.n != 4)
				return "malformed";
			summed = true;
			if (!checksum_fits(header, t.value))
				return "checksum";
		} else if (t.type == TLV_SSL) {
			if (ssl || !read_ssl(t.value, out))
				return "malformed";
			ssl = true;
		}
	}
	return NULL;
}

static struct endpoint end_at(struct str s, bool v6, size_t which)
{
	const size_t n = v6 ? 16 : 4;
	struct endpoint e = { .port = (uint16_t)u16_at(s, 2 * n + 2 * which) };

	if (!v6)
		e.addr.b[10] = e.addr.b[11] = 0xff;
	memcpy(e.addr.b + (v6 ? 0 : 12), s.p + which * n, n);
	return e;
}

/* Octets of addresses by family: unspecified, IPv4, IPv6, unix. */
static const size_t address_octets[] = { 0, 12, 36, 216 };

/* What is behind the fixed part. A LOCAL's addresses count for nothing (2.2), not even their length. */
static const char *read_body(struct str header, struct proxyhdr_facts *out)
{
	unsigned local = (header.p[12] & 0x0f) == 0, family = (unsigned char)header.p[13] >> 4,
		 transport = (unsigned char)header.p[13] & 0x0f;
	struct str body = str_from(header, V2_FIXED);
	const char *why;

	out->of = local ? PROXIED_LOCAL : PROXIED_UNKNOWN;
	if (body.n < address_octets[family])
		return local ? NULL : "malformed";
	why = read_tlvs(header, str_from(body, address_octets[family]), out);
	if (local && why != NULL && strcmp(why, "malformed") == 0)
		why = NULL;
	if (local)
		out->tls = false;
	else if (transport == 1 && (family == 1 || family == 2))
		set_client(out, end_at(body, family == 2, 0), end_at(body, family == 2, 1));
	return why;
}

/* The fixed part: version 2, commands 0 and 1, families 0 to 3, transports 0 to 2, and nothing else. */
static bool fixed_is_fine(struct str in)
{
	return (in.p[12] & 0xfe) == 0x20 && (unsigned char)in.p[13] >> 4 <= 3 &&
		(in.p[13] & 0x0f) <= 2;
}

static enum proxyhdr read_v2(
	struct str in, struct proxyhdr_facts *out, size_t *used, const char **why)
{
	size_t n;

	if (in.n < V2_FIXED)
		return PROXYHDR_PARTIAL;
	*why = "malformed";
	if (!fixed_is_fine(in))
		return PROXYHDR_BROKEN;
	n = V2_FIXED + u16_at(in, 14);
	*why = "too-long";
	if (n > PROXYHDR_MAX)
		return PROXYHDR_BROKEN;
	if (in.n < n)
		return PROXYHDR_PARTIAL;
	*why = read_body(str_first(in, n), out);
	*used = n;
	return *why == NULL ? PROXYHDR_WHOLE : PROXYHDR_BROKEN;
}

enum proxyhdr proxyhdr_read(
	struct str in, struct proxyhdr_facts *out, size_t *used, const char **why)
{
	enum proxyhdr v1 = begins(in, V1_WORD), v2 = begins(in, V2_SIGNATURE), says;
	struct proxyhdr_facts found = { 0 };
	const char *word = "no-header";
	size_t n = 0;

	if (v2 == PROXYHDR_WHOLE)
		says = read_v2(in, &found, &n, &word);
	else if (v1 == PROXYHDR_WHOLE)
		says = read_v1(in, &found, &n, &word);
	else
		says = v1 == PROXYHDR_PARTIAL || v2 == PROXYHDR_PARTIAL ? PROXYHDR_PARTIAL
									: PROXYHDR_BROKEN;
	if (says == PROXYHDR_BROKEN)
		*why = word;
	if (says == PROXYHDR_WHOLE) {
		*out = found;
		*used = n;
	}
	return says;
}

/* --- writing --- */

static void put_u16(struct buf *out, unsigned n)
{
	const char octets[2] = { (char)(n >> 8), (char)(n & 0xff) };

	buf_add(out, (struct str){ octets, sizeof(octets) });
}

static void put_address(struct buf *out, struct addr a, bool v4)
{
	buf_add(out, (struct str){ (const char *)a.b + (v4 ? 12 : 0), v4 ? 4 : 16 });
}

void proxyhdr_put(struct buf *out, const struct proxyhdr_facts *facts)
{
	bool v4 = addr_is_v4(facts->client.addr) && addr_is_v4(facts->gate.addr);

	buf_add(out, V2_SIGNATURE);
	if (facts->of != PROXIED_CLIENT) {
		buf_add(out, STR("\x20\0\0\0")); /* version 2, LOCAL, nothing known */
		return;
	}
	/* version 2, PROXY, a stream over IPv4 or IPv6 */
	buf_add(out, v4 ? STR("\x21\x11") : STR("\x21\x21"));
	put_u16(out, v4 ? 12 : 36);
	put_address(out, facts->client.addr, v4);
	put_address(out, facts->gate.addr, v4);
	put_u16(out, facts->client.port);
	put_u16(out, facts->gate.port);
}
