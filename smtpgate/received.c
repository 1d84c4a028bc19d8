/* received.c - see received.h. */
#include "smtpgate/received.h"

#include <time.h>

/* A name as a client gave it: what is no part of a domain or literal becomes '?'. */
static void put_name(struct buf *out, struct str name)
{
	if (name.n == 0)
		name = STR("unknown");
	if (name.n > 200)
		name = str_first(name, 200);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool fine = ascii_alnum(c) || (c != '\0' && strchr(".-_[]:", c) != NULL);

		buf_add(out, (struct str){ fine ? &c : "?", 1 });
	}
}

void received_put(struct buf *out, const struct received *r)
{
	char address[ADDR_TEXT], date[64];
	time_t now = (time_t)(r->now_ms / 1000);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &utc);
	buf_add(out, STR("Received: from "));
	put_name(out, r->helo);
	buf_printf(out, " ([%s%s])\r\n\tby %.200s with %s id %s;\r\n\t%s\r\n",
		addr_is_v4(r->client) ? "" : "IPv6:", addr_format(r->client, address), r->hostname,
		r->protocol, r->sid, date);
}
