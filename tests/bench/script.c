#include "tests/bench/script.h"

#include <stdlib.h>

#include "common/line/base64.h"

static void name_add(const struct plan *p, const struct turn *t, struct buf *out)
{
	buf_add(out, str_of(p->user));
	if (p->users > 0)
		buf_printf(out, "%u", t->user);
}

static void write_user(const struct plan *p, const struct turn *t, struct buf *out)
{
	buf_add(out, STR("USER "));
	name_add(p, t, out);
	buf_add(out, STR("\r\n"));
}

static void write_pass(const struct plan *p, const struct turn *t, struct buf *out)
{
	(void)t;
	buf_printf(out, "PASS %s\r\n", p->password);
}

static void write_retr(const struct plan *p, const struct turn *t, struct buf *out)
{
	(void)p;
	buf_printf(out, "RETR %u\r\n", t->round + 1);
}

static void write_rcpt(const struct plan *p, const struct turn *t, struct buf *out)
{
	(void)t;
	buf_printf(out, "RCPT TO:<%s>\r\n", p->recipient);
}

static void write_auth(const struct plan *p, const struct turn *t, struct buf *out)
{
	struct buf plain;

	buf_init(&plain, 1000);
	buf_add(&plain, (struct str){ "", 1 });
	name_add(p, t, &plain);
	buf_add(&plain, (struct str){ "", 1 });
	buf_add(&plain, str_of(p->password));
	buf_add(out, STR("AUTH PLAIN "));
	base64_add(out, buf_str(&plain));
	buf_add(out, STR("\r\n"));
	buf_free(&plain);
}

/* clang-format off */
#define LOGIN \
	{ .hear = HEAR_POP3, .want = "+OK" }, \
	{ .write = write_user, .hear = HEAR_POP3, .want = "+OK" }, \
	{ .write = write_pass, .hear = HEAR_POP3, .want = "+OK", .timed = true }
#define STAT { .say = "STAT\r\n", .hear = HEAR_STAT, .want = "+OK " }
#define QUIT { .say = "QUIT\r\n", .hear = HEAR_POP3, .want = "+OK" }
#define HELLO \
	{ .hear = HEAR_SMTP, .want = "220" }, \
	{ .say = "EHLO bench.example\r\n", .hear = HEAR_SMTP, .want = "250" }
#define MAIL { .say = "MAIL FROM:<a@bench.example>\r\n", .hear = HEAR_SMTP, .want = "250" }
#define MESSAGE \
	MAIL, \
	{ .write = write_rcpt, .hear = HEAR_SMTP, .want = "250" }, \
	{ .say = "DATA\r\n", .hear = HEAR_SMTP, .want = "354" }, \
	{ .body = true, .hear = HEAR_SMTP, .want = "250", .timed = true }
#define BYE { .say = "QUIT\r\n", .hear = HEAR_SMTP, .want = "221", .or_end = true }
#define HOLD { .hear = HEAR_HOLD }
#define END { .hear = HEAR_END }

static const struct step login[] = { LOGIN, STAT, QUIT, END };
static const struct step fetch[] = { LOGIN, STAT,
	{ .write = write_retr, .hear = HEAR_BODY, .want = "+OK", .timed = true }, QUIT, END };
static const struct step greeted[] = { { .hear = HEAR_POP3, .want = "+OK" }, HOLD, END };
static const struct step held[] = { LOGIN, HOLD, END };
static const struct step send_mail[] = { HELLO, MESSAGE, BYE, END };
static const struct step refused[] = { HELLO, MAIL,
	{ .write = write_rcpt, .hear = HEAR_SMTP, .want = "5", .timed = true }, BYE, END };
static const struct step with_auth[] = { HELLO,
	{ .write = write_auth, .hear = HEAR_SMTP, .want = "235" }, MESSAGE, BYE, END };
static const struct step smtp_idle[] = { HELLO, HOLD, END };

static const struct script scripts[] = {
	{ "pop3",      "USER, PASS (timed), STAT, QUIT", login, 0, 0 },
	{ "fetch",     "the same with RETR (timed) of `each` messages, all there are", fetch, 4, 5 },
	{ "pop3-idle", "connections held after the greeting", greeted, 0, 0 },
	{ "pop3-held", "connections held after the login", held, 0, 0 },
	{ "smtp",      "`each` messages (final dot timed)", send_mail, 2, 6 },
	{ "refuse",    "a recipient that must be refused for good (timed)", refused, 0, 0 },
	{ "auth",      "AUTH PLAIN, then as smtp", with_auth, 3, 7 },
	{ "smtp-idle", "connections held after EHLO", smtp_idle, 0, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};
/* clang-format on */

const struct script *script_all(void)
{
	return scripts;
}

const struct script *script_find(const char *name)
{
	for (const struct script *s = scripts; s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

bool script_make_body(struct plan *p)
{
	static const char head[] =
		"From: <a@bench.example>\r\nTo: <b@bench.example>\r\nSubject: bench\r\n"
		"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@bench.example>\r\n\r\n";
	static const char dot[] = "\r\n.\r\n";
	size_t from = sizeof(head) - 1, n = p->size > from ? p->size : from;

	p->body = malloc(n + sizeof(dot));
	if (p->body == NULL)
		return false;
	memset(p->body, 'x', n);
	memcpy(p->body, head, from);
	for (size_t i = from + 78; i < n; i += 78)
		memcpy(p->body + i - 2, "\r\n", 2);
	memcpy(p->body + n, dot, sizeof(dot));
	p->body_n = n + sizeof(dot) - 1;
	return true;
}
