/* offers.c - see offers.h. */
#include "smtpgate/offers.h"

#include "smtpgate/introduce.h"

static void read_auth(struct offers *o, struct str mechanisms)
{
	struct str word;

	while (mechanisms.n > 0) {
		(void)str_split(mechanisms, ' ', &word, &mechanisms);
		o->auth_plain |= str_eq_nocase(word, STR("PLAIN"));
		o->auth_login |= str_eq_nocase(word, STR("LOGIN"));
	}
}

static void read_keyword(struct offers *o, struct str word, struct str parameters)
{
	o->eight_bit |= str_eq_nocase(word, STR("8BITMIME"));
	o->utf8 |= str_eq_nocase(word, STR("SMTPUTF8"));
	o->dsn |= str_eq_nocase(word, STR("DSN"));
	o->pipelining |= str_eq_nocase(word, STR("PIPELINING"));
	o->starttls |= str_eq_nocase(word, STR("STARTTLS"));
	if (str_eq_nocase(word, STR("SIZE"))) {
		o->size = true;
		(void)!str_to_u64(str_trim(parameters), UINT64_MAX, &o->size_max);
	} else if (str_eq_nocase(word, STR("AUTH"))) {
		read_auth(o, parameters);
	} else if (str_eq_nocase(word, STR("XCLIENT"))) {
		o->xclient = xclient_attributes(parameters);
	}
}

/* The first line names the host, and offers nothing (RFC 5321 4.1.1.1). */
struct offers offers_read(const struct reply *r)
{
	struct str rest = { r->text, r->n }, line, word, parameters;
	struct offers o = { 0 };

	(void)str_split(rest, '\n', &line, &rest);
	while (rest.n > 0) {
		(void)str_split(rest, '\n', &line, &rest);
		(void)str_split(line, ' ', &word, &parameters);
		read_keyword(&o, word, parameters);
	}
	return o;
}

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

struct offers offers_common(const struct offers *a, const struct offers *b)
{
	return (struct offers){
		.eight_bit = a->eight_bit && b->eight_bit,
		.utf8 = a->utf8 && b->utf8,
		.dsn = a->dsn && b->dsn,
		.pipelining = a->pipelining && b->pipelining,
		.size = a->size && b->size,
		.starttls = a->starttls && b->starttls,
		.auth_plain = a->auth_plain && b->auth_plain,
		.auth_login = a->auth_login && b->auth_login,
		.size_max = smaller_limit(a->size_max, b->size_max),
		.xclient = a->xclient & b->xclient,
	};
}
