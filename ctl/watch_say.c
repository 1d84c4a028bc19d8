/* watch_say.c - see watch_say.h. */
#include "ctl/watch_say.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/printable.h"
#include "ctl/screen.h"
#include "ctl/table.h"

#define LINE_MAX_OCTETS 1024

static const char *const scopes[] = { "everything", "subscriber", "address", "address-subscriber" };

static const struct {
	const char *name;
	enum tint tint;
} kinds[] = { { "grant", TINT_GOOD }, { "renew", TINT_NONE }, { "never", TINT_ODD },
	{ "revoke", TINT_BAD }, { "failure", TINT_BAD }, { "missed", TINT_ODD } };

static const struct {
	const char *name;
	enum tint tint;
} held_now = { "held", TINT_DIM }, ended = { "end", TINT_ODD };

bool watch_has_addr(const struct notice *e)
{
	return e->kind != NOTICE_MISSED &&
		(e->kind != NOTICE_REVOKE || e->scope == SCOPE_KEY ||
			e->scope == SCOPE_KEY_SUBSCRIBER);
}

static void say_json(const struct notice *e, const char *name)
{
	json_t *o = json_object();
	char time[40], addr[ADDR_TEXT], *text;

	json_object_set_new(o, "event", json_string(name));
	json_object_set_new(o, "ts", json_string(table_time(e->stamp_ms, true, time)));
	if (watch_has_addr(e))
		json_object_set_new(o, "addr", json_string(addr_format(e->addr, addr)));
	if (e->who.n > 0)
		json_object_set_new(o, "user", json_string(e->who.name));
	if (e->until_ms > 0)
		json_object_set_new(o, "until", json_string(table_time(e->until_ms, true, time)));
	if (e->source.service[0] != '\0') {
		json_object_set_new(o, "service", json_string(e->source.service));
		json_object_set_new(o, "mechanism", json_string(e->source.mechanism));
		json_object_set_new(o, "tls", json_boolean(e->source.tls));
		json_object_set_new(o, "port", json_integer(e->port));
	}
	if (e->kind == NOTICE_REVOKE)
		json_object_set_new(o, "scope", json_string(scopes[e->scope]));
	if (e->kind == NOTICE_MISSED)
		json_object_set_new(o, "count", json_integer(e->count));
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(o);
}

static void put_detail(const struct notice *e, char *dst, size_t size)
{
	char until[40] = "", left[40];

	if (e->until_ms > e->stamp_ms)
		snprintf(until, sizeof(until), "%s left",
			table_left(e->until_ms - e->stamp_ms, left));
	dst[0] = '\0';
	switch (e->kind) {
	case NOTICE_GRANT:
	case NOTICE_RENEW:
		snprintf(dst, size, "%s, by %s %s%s", until, e->source.service, e->source.mechanism,
			e->source.tls ? " under TLS" : "");
		break;
	case NOTICE_NEVER: snprintf(dst, size, "logged in from where nobody is granted"); break;
	case NOTICE_FAILURE: snprintf(dst, size, "wrong password, or no such subscriber"); break;
	case NOTICE_REVOKE: snprintf(dst, size, "logins up to now count no more"); break;
	case NOTICE_MISSED: snprintf(dst, size, "%u events that came too fast", e->count); break;
	}
}

/* Cut to the page of a terminal. */
static void put_line(const char *line)
{
	struct screen s = screen_look();
	size_t columns = s.terminal ? s.width : SIZE_MAX / 2;

	printf("%.*s\n", (int)printable_fit(line, &columns), line);
}

/* One line, or on a narrow terminal two: what happened where, and to whom. */
static void say_text(const struct notice *e, const char *name, enum tint tint, const char *detail)
{
	struct screen s = screen_look();
	char addr[ADDR_TEXT] = "", time[40], first[LINE_MAX_OCTETS], second[LINE_MAX_OCTETS];
	char who[PRINTABLE_MAX(SUBSCRIBER_MAX)], whole[2 * LINE_MAX_OCTETS + 4];

	table_time(e->stamp_ms, false, time);
	if (watch_has_addr(e))
		addr_format(e->addr, addr);
	printable(subscriber_str(&e->who), s.terminal && s.ascii, who, sizeof(who));
	if (e->kind == NOTICE_REVOKE && e->scope == SCOPE_EVERYTHING)
		snprintf(who, sizeof(who), "everybody");
	snprintf(
		first, sizeof(first), "%s  %-7s  %-15s", s.terminal ? time + 11 : time, name, addr);
	snprintf(second, sizeof(second), "%s%s%s", who,
		who[0] != '\0' && detail[0] != '\0' ? "  " : "", detail);
	snprintf(whole, sizeof(whole), "%s  %s", first, second);
	screen_tint(tint);
	if (s.terminal && printable_width(whole) > s.width) {
		put_line(first);
		snprintf(whole, sizeof(whole), "    %s", second);
	}
	put_line(whole);
	if (tint != TINT_NONE)
		screen_tint(TINT_NONE);
}

void watch_say(bool json, const struct notice *e)
{
	char detail[200];

	if (json) {
		say_json(e, kinds[e->kind].name);
		return;
	}
	put_detail(e, detail, sizeof(detail));
	say_text(e, kinds[e->kind].name, kinds[e->kind].tint, detail);
}

/* What the view says, not the store. */
void watch_say_stay(bool json, const struct stay *h, int64_t now, bool over)
{
	const struct notice e = { .kind = NOTICE_RENEW,
		.stamp_ms = now,
		.until_ms = h->until_ms,
		.addr = h->key,
		.who = h->who };
	char detail[80], left[40];

	if (json) {
		say_json(&e, over ? ended.name : held_now.name);
		return;
	}
	snprintf(detail, sizeof(detail), "%s%s",
		over ? "may relay no more" : table_left(h->until_ms - now, left),
		over ? "" : " left");
	say_text(&e, over ? ended.name : held_now.name, over ? ended.tint : held_now.tint, detail);
}
