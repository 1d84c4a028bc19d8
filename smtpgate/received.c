/* received.c - see received.h. */
#include "smtpgate/received.h"

#include <time.h>

#define NAME_MAX_OCTETS 200

/* A name as a client gave it: what is no part of a domain or literal becomes '?'. */
static void put_name(struct buf *out, struct str name)
{
	char text[NAME_MAX_OCTETS];

	if (name.n == 0)
		name = STR("unknown");
	if (name.n > sizeof(text))
		name = str_first(name, sizeof(text));
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		text[i] = ascii_alnum(c) || (c != '\0' && strchr(".-_[]:", c) != NULL) ? c : '?';
	}
	buf_add(out, (struct str){ text, name.n });
}

/* RFC 5322 3.3, in UTC. Many messages have the same second. */
static const char *date_of(int64_t ms)
{
	static _Thread_local char text[64];
	static _Thread_local time_t made = -1;
	time_t at = (time_t)(ms / 1000);
	struct tm utc;

	if (at != made && gmtime_r(&at, &utc) != NULL) {
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &utc);
		made = at;
	}
	return text;
}

static const char *protocol_of(const struct received *r)
{
	static const char *const names[2][4] = { { "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA" },
		{ "UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA" } };

	return r->esmtp ? names[r->utf8][(r->auth ? 2 : 0) + (r->tls ? 1 : 0)] : "SMTP";
}

void received_put(struct buf *out, const struct received *r)
{
	char address[ADDR_TEXT];

	buf_add(out, STR("Received: from "));
	put_name(out, r->helo);
	buf_printf(out, " ([%s%s])\r\n\tby %.200s with %s id %s;\r\n\t%s\r\n",
		addr_is_v4(r->client) ? "" : "IPv6:", addr_format(r->client, address), r->hostname,
		protocol_of(r), r->sid, date_of(r->now_ms));
}

static void end_line(struct received_count *c)
{
	c->over = c->at == 0;
	c->differs = false;
	c->at = 0;
}

static void look_at(struct received_count *c, char octet)
{
	static const char name[] = "received:";

	c->differs = c->differs || ascii_lower(octet) != name[c->at];
	if (++c->at == sizeof(name) - 1 && !c->differs) {
		c->n++;
		c->differs = true; /* the rest of the line is of no interest */
	}
}

void received_look(struct received_count *c, struct str octets)
{
	for (size_t i = 0; i < octets.n && !c->over; i++) {
		if (octets.p[i] == '\n')
			end_line(c);
		else if (octets.p[i] == '\r')
			continue;
		else if (!c->differs)
			look_at(c, octets.p[i]);
		else
			c->at = sizeof("received:");
	}
}
