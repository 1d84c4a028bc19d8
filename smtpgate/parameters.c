/* parameters.c - what stands behind the paths of MAIL and RCPT: each known and offered, and once, or
 * refused. */
#include "smtpgate/dsn.h"
#include "smtpgate/gate_private.h"

struct parameter {
	const char *name;
	bool (*offered)(const struct gate_facts *f);
	int (*take)(struct gate *g, struct str value); /* 0, or the code of the refusal */
	const char *text; /* of a 501 */
};

static bool always(const struct gate_facts *f)
{
	(void)f;
	return true;
}

static bool with_eight_bit(const struct gate_facts *f)
{
	return f->eight_bit;
}

static bool with_utf8(const struct gate_facts *f)
{
	return f->utf8;
}

static bool with_dsn(const struct gate_facts *f)
{
	return f->dsn;
}

static bool with_auth(const struct gate_facts *f)
{
	return f->auth;
}

uint64_t gate_max_size(const struct gate *g)
{
	const struct gate_facts *f = g->facts;

	return f->size > 0 && f->size < f->max_message_size ? f->size : f->max_message_size;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/* RFC 1870 4: up to 20 digits, which is more than there are octets in the world. */
static int take_size(struct gate *g, struct str value)
{
	if (!all_digits(value) || value.n > 20)
		return 501;
	if (!str_to_u64(value, UINT64_MAX, &g->mail->envelope.size))
		return 552;
	return g->mail->envelope.size > gate_max_size(g) ? 552 : 0;
}

static int take_body(struct gate *g, struct str value)
{
	g->mail->envelope.eight_bit = str_eq_nocase(value, STR("8BITMIME"));
	return g->mail->envelope.eight_bit || str_eq_nocase(value, STR("7BIT")) ? 0 : 501;
}

static int take_utf8(struct gate *g, struct str value)
{
	g->mail->envelope.utf8 = true;
	return value.n == 0 ? 0 : 501;
}

/* RFC 4954 5: who says that somebody else has authenticated is not believed; RFC 3461's xtext. */
static int take_auth(struct gate *g, struct str value)
{
	(void)g;
	return value.n > 0 && xtext_fits(value) ? 0 : 501;
}

static int take_ret(struct gate *g, struct str value)
{
	return dsn_ret_read(value, &g->mail->envelope.ret) ? 0 : 501;
}

static int take_envid(struct gate *g, struct str value)
{
	return value.n > 0 && xtext_fits(value) &&
			str_to_cstr(value, g->mail->envelope.envid, sizeof(g->mail->envelope.envid))
		? 0
		: 501;
}

static int take_notify(struct gate *g, struct str value)
{
	return dsn_notify_read(value, &g->mail->recipient.notify) ? 0 : 501;
}

static int take_orcpt(struct gate *g, struct str value)
{
	struct recipient *r = &g->mail->recipient;

	return dsn_orcpt_fits(value, g->mail->envelope.utf8) &&
			str_to_cstr(value, r->orcpt, sizeof(r->orcpt))
		? 0
		: 501;
}

/* clang-format off */
static const struct parameter of_mail[] = {
	{ "SIZE",     always,         take_size,  "5.5.4 SIZE takes a number" },
	{ "BODY",     with_eight_bit, take_body,  "5.5.4 BODY takes 7BIT or 8BITMIME" },
	{ "SMTPUTF8", with_utf8,      take_utf8,  "5.5.4 SMTPUTF8 takes no value" },
	{ "AUTH",     with_auth,      take_auth,  "5.5.4 AUTH takes an address in xtext, or <>" },
	{ "RET",      with_dsn,       take_ret,   "5.5.4 RET takes FULL or HDRS" },
	{ "ENVID",    with_dsn,       take_envid, "5.5.4 ENVID takes up to 100 octets of xtext" },
	{ NULL, NULL, NULL, NULL },
};
static const struct parameter of_rcpt[] = {
	{ "NOTIFY", with_dsn, take_notify, "5.5.4 NOTIFY takes NEVER, or some of SUCCESS, FAILURE, DELAY" },
	{ "ORCPT",  with_dsn, take_orcpt,  "5.5.4 ORCPT takes a type, a semicolon and an address in xtext" },
	{ NULL, NULL, NULL, NULL },
};
/* clang-format on */

static const struct parameter *find(
	const struct parameter *table, struct str key, const struct gate_facts *f)
{
	for (; table->name != NULL; table++)
		if (str_eq_nocase(key, str_of(table->name)))
			return table->offered(f) ? table : NULL;
	return NULL;
}

static int take_one(struct gate *g, const struct parameter *p, struct str value, const char **text)
{
	int code = p->take(g, value);

	*text = code == 552 ? "5.3.4 The message is too large" : p->text;
	return code;
}

static int take_all(
	struct gate *g, const struct parameter *table, struct str rest, const char **text)
{
	unsigned seen = 0;
	struct str key, value;
	int code = 0;

	while (code == 0) {
		const struct parameter *p;

		*text = "5.5.4 A parameter cannot be read";
		if (!path_parameter(&rest, &key, &value))
			return 501;
		if (key.n == 0)
			return 0;
		*text = "5.5.4 Unknown parameter";
		p = find(table, key, g->facts);
		if (p == NULL)
			return 555;
		*text = "5.5.4 A parameter stands twice";
		if ((seen & 1U << (p - table)) != 0)
			return 501;
		seen |= 1U << (p - table);
		code = take_one(g, p, value, text);
	}
	return code;
}

int gate_mail_parameters(struct gate *g, struct str rest, const char **text)
{
	return take_all(g, of_mail, rest, text);
}

int gate_rcpt_parameters(struct gate *g, struct str rest, const char **text)
{
	return take_all(g, of_rcpt, rest, text);
}
