/* meet.c - from the connection to the first command: who we are, who the client is, under what.
 *
 *	PROXY header, greeting -> EHLO -> [STARTTLS -> EHLO] -> [XCLIENT -> greeting -> EHLO]* -> [AUTH]
 *
 * A refusal that comes after the hop was told of the client is its judgement of the client, and goes to
 * it; one that comes before is a fault of ours or the hop's. */
#include "smtpgate/upstream_private.h"

#include <assert.h>
#include <stdio.h>

#include "common/line/base64.h"

static bool knows_client(const struct upstream *u)
{
	return u->client.client.port != 0 && (u->manners.proxy || u->told);
}

/* Who will not have this client says 554 or 521 instead of the greeting (RFC 5321 3.1, RFC 7504); any other
 * 5xx there is about the command, which is ours. */
static bool judges_client(const struct upstream *u)
{
	if (!knows_client(u))
		return false;
	return reply_is(&u->reply, 4) || u->reply.code == 554 || u->reply.code == 521 ||
		(u->state == UPSTREAM_HELLO && reply_is(&u->reply, 5));
}

static enum step refuse(struct upstream *u, const char *why)
{
	return judges_client(u) ? upstream_tell(u, EVENT_REFUSED) : upstream_break(u, why);
}

/* In the name of the client once the hop knows of it: what it thinks of that name is for the client, too. */
static void say_hello(struct upstream *u)
{
	const char *name = knows_client(u) ? introduction_hello(&u->client) : "";

	buf_printf(&u->out, "%s %.255s\r\n",
		u->manners.lmtp   ? "LHLO"
			: u->helo ? "HELO"
				  : "EHLO",
		name[0] != '\0' ? name : u->manners.hostname);
	u->state = UPSTREAM_HELLO;
}

enum step meet_connected(struct upstream *u)
{
	u->connected = true;
	if (u->manners.proxy)
		proxy_put(&u->out, &u->client);
	return upstream_tell(u, EVENT_CONNECTED);
}

enum step meet_greeting(struct upstream *u)
{
	if (u->reply.code != 220)
		return refuse(
			u, u->state == UPSTREAM_XCLIENT ? "refused XCLIENT" : "did not greet us");
	if (u->state == UPSTREAM_XCLIENT)
		u->introduced = u->left == 0;
	say_hello(u);
	return STEP_AGAIN;
}

/* --- TLS --- */

static enum step say_starttls(struct upstream *u)
{
	buf_line(&u->out, STR("STARTTLS"));
	u->state = UPSTREAM_STARTTLS;
	return STEP_AGAIN;
}

static enum step go_on(struct upstream *u);

/* What stands behind the 220 came in clear, and would be taken for an answer under TLS. */
enum step meet_starttls(struct upstream *u, bool more)
{
	if (u->reply.code == 220) {
		u->state = UPSTREAM_HANDSHAKE;
		return more ? upstream_break(u, "said more before TLS") : STEP_TLS;
	}
	if (u->manners.tls == UPSTREAM_ONLY_TLS)
		return upstream_break(u, "refused STARTTLS");
	u->clear = true;
	return go_on(u);
}

/* RFC 3207 4.2: what it offered in clear is forgotten. */
void meet_secured(struct upstream *u)
{
	u->tls = true;
	u->offers = (struct offers){ 0 };
	say_hello(u);
}

/* --- XCLIENT --- */

static enum step say_xclient(struct upstream *u)
{
	unsigned next = xclient_next(&u->client, u->left);

	u->told = true; /* or as good as: it is this client that cannot be named */
	if (!xclient_put(&u->out, &u->client, next))
		return upstream_break(u, "cannot be told of this client");
	u->left &= ~next;
	u->said |= next;
	u->state = UPSTREAM_XCLIENT;
	return STEP_AGAIN;
}

bool upstream_may_introduce(const struct upstream *u)
{
	return u->state == UPSTREAM_READY && u->offers.xclient == u->said;
}

bool upstream_introduce(struct upstream *u, const struct introduction *client)
{
	assert(upstream_may_introduce(u));
	u->client = *client;
	u->introduced = u->said == 0;
	u->left = u->said;
	u->given = !u->introduced; /* and meet_again() says it */
	return u->given;
}

enum step meet_again(struct upstream *u)
{
	return say_xclient(u);
}

/* --- AUTH --- */

static void put_secret(struct upstream *u, struct str s)
{
	base64_add(&u->out, s);
	buf_add(&u->out, STR("\r\n"));
}

static enum step say_plain(struct upstream *u)
{
	char credentials[512];
	int n = snprintf(credentials, sizeof(credentials), "%c%s%c%s", 0, u->manners.user, 0,
		u->manners.password);

	if (n < 0 || (size_t)n >= sizeof(credentials))
		return upstream_break(u, "our login for it is too long");
	buf_add(&u->out, STR("AUTH PLAIN "));
	put_secret(u, (struct str){ credentials, (size_t)n });
	explicit_bzero(credentials, sizeof(credentials));
	u->state = UPSTREAM_AUTH;
	return STEP_AGAIN;
}

static enum step say_auth(struct upstream *u)
{
	if (!u->tls && !u->manners.auth_in_clear)
		return upstream_break(u, "wants our password in clear");
	if (u->offers.auth_plain)
		return say_plain(u);
	if (!u->offers.auth_login)
		return upstream_break(u, "offers no AUTH that we know");
	buf_line(&u->out, STR("AUTH LOGIN"));
	u->state = UPSTREAM_AUTH;
	u->left = 2; /* questions that it may ask */
	return STEP_AGAIN;
}

enum step meet_auth(struct upstream *u)
{
	if (u->reply.code == 334 && u->left > 0) {
		put_secret(u, str_of(u->left == 2 ? u->manners.user : u->manners.password));
		u->left--;
		return STEP_AGAIN;
	}
	if (u->reply.code != 235 || u->left > 0)
		return upstream_break(u, "refused our login");
	u->state = UPSTREAM_READY;
	return upstream_tell(u, EVENT_READY);
}

/* --- EHLO --- */

/* The next thing to be settled. */
static enum step go_on(struct upstream *u)
{
	const struct upstream_manners *m = &u->manners;

	if (!u->tls && !u->clear && m->tls != UPSTREAM_CLEAR) {
		if (u->offers.starttls)
			return say_starttls(u);
		if (m->tls == UPSTREAM_ONLY_TLS)
			return upstream_break(u, "offers no STARTTLS");
	}
	if (!u->introduced && u->left == 0) {
		u->left = u->offers.xclient;
		u->introduced = u->left == 0;
		if (u->introduced && m->only_xclient)
			return upstream_tell(u, EVENT_UNFIT);
	}
	if (!u->introduced)
		return say_xclient(u);
	if (m->user != NULL)
		return say_auth(u);
	u->state = UPSTREAM_READY;
	return upstream_tell(u, EVENT_READY);
}

/* RFC 5321 3.2: a server that does not know EHLO is greeted with HELO. */
enum step meet_hello(struct upstream *u)
{
	if (reply_is(&u->reply, 5) && !u->helo && !u->manners.lmtp) {
		u->helo = true;
		say_hello(u);
		return STEP_AGAIN;
	}
	if (u->reply.code != 250)
		return refuse(u, "refused EHLO");
	u->offers = u->helo ? (struct offers){ 0 } : offers_read(&u->reply);
	return go_on(u);
}
