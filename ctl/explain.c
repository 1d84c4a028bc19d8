/* explain.c - why smtpgate would take or refuse a recipient: the same facts, the same functions. */
#include <stdio.h>

#include "common/base/clock.h"
#include "ctl/ctl.h"
#include "ctl/judge.h"
#include "ctl/table.h"
#include "smtpgate/identity.h"

struct question {
	struct gate_settings settings;
	struct places *places; /* owned */
	const struct sharing_rule *sharing; /* borrowed: the client's */
	const char *conf_path;
	struct conf_section window;
	struct addr client;
	bool never; /* the client is never granted */
	struct path sender, recipient;
	struct subscriber auth; /* who has authenticated; n == 0: nobody */
	bool has_sender, has_recipient;
	size_t listener;
	int64_t lost_ms; /* of view_lost() */
	bool utc; /* how times are shown */
	bool near_miss; /* whose address the sender is holds a window elsewhere: */
	struct entry elsewhere;
};

static bool read_path(const char *text, bool reverse, struct path *out)
{
	char bracketed[600];
	struct str rest;

	snprintf(bracketed, sizeof(bracketed), text[0] == '<' ? "%s" : "<%s>", text);
	if (path_read(str_of(bracketed), reverse, out, &rest) && rest.n == 0)
		return true;
	ctl_say("%s: an address is wanted", text);
	return false;
}

static bool find_listener(const struct ctl *c, struct question *q)
{
	struct conf_section s = conf_section(conf_root(c->conf), "smtpgate", 0);
	size_t n = conf_sections(s, "listener");

	if (c->listener == NULL)
		return true;
	for (q->listener = 0; q->listener < n; q->listener++)
		if (str_eq(conf_title(conf_section(s, "listener", q->listener)),
			    str_of(c->listener)))
			return true;
	ctl_say("%s: there is no such listener in %s", c->listener, c->conf_path);
	return false;
}

static bool read_question(struct ctl *c, struct question *q)
{
	const char *text = ctl_one_argument(c, "the client's address");
	struct buf complaints;
	bool fine;

	buf_init(&complaints, 1 << 16);
	fine = gate_settings_read(&q->settings, c->conf, &complaints) == ERR_NONE;
	if (!fine)
		fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	buf_free(&complaints);
	q->sender.null = true;
	q->conf_path = c->conf_path;
	q->window = conf_section(conf_root(c->conf), "window", 0);
	q->has_sender = c->from != NULL;
	q->has_recipient = c->to != NULL;
	if (!fine || text == NULL || !ctl_addr(text, &q->client))
		return false;
	q->sharing = sharing_of(&c->site.sharing, q->client);
	q->never = site_is_never(&c->site, q->client);
	q->utc = c->utc || c->json;
	if (c->auth != NULL && !ctl_subscriber(c, c->auth, &q->auth))
		return false;
	return find_listener(c, q) && (c->from == NULL || read_path(c->from, true, &q->sender)) &&
		(c->to == NULL || read_path(c->to, false, &q->recipient));
}

static void row(struct table *t, const char *rule, const char *result)
{
	table_text(t, rule);
	table_text(t, result);
}

/* "what (popgate.conf:12)", with the line on which the option is set. */
static void row_of(struct table *t, const char *rule, const char *result, struct conf_section s,
	const char *option)
{
	char where[CONF_WHERE], text[CONF_WHERE + 400];

	snprintf(text, sizeof(text), "%.390s (%s)", result, conf_where(s, option, where));
	row(t, rule, text);
}

/* May a login open the window there at all? */
static void put_never(const struct ctl *c, struct table *t, const struct question *q)
{
	if (!q->never)
		row(t, "never", "no");
	else if (site_is_proxy(&c->site, q->client))
		row_of(t, "never", "no login opens the window there: it is a balancer's",
			conf_root(c->conf), "proxies");
	else
		row_of(t, "never", "no login opens the window there", q->window, "never");
}

/* The usual reason for a refusal: logged in from one address, and sent from another. */
static void put_near_miss(struct table *t, const struct question *q)
{
	char text[400], left[40], address[ADDR_TEXT];
	const struct holder *h = &q->elsewhere.holder;

	if (!q->near_miss)
		return;
	snprintf(text, sizeof(text), "%s may send from %s, %s left: not from here", h->who.name,
		addr_format(q->elsewhere.key, address), table_left(h->until_ms - clock_ms(), left));
	row(t, "near_miss", text);
}

/* Why the window is no proof, or may be one. */
static void say_no_window(
	const struct question *q, const struct identity_found *i, char *dst, size_t size)
{
	char until[40];

	if (i->proof == PROOF_UNKNOWN && q->lost_ms > 0 && q->lost_ms < INT64_MAX)
		snprintf(dst, size,
			"unknown: a login was not recorded, so nobody is refused for good until %s",
			table_time(q->lost_ms, q->utc, until));
	else if (i->proof == PROOF_UNKNOWN)
		snprintf(dst, size, "unknown: the store is away");
	else if (i->proof == PROOF_NETWORK)
		snprintf(dst, size, "not asked: the network is proof enough");
	else if (i->proof == PROOF_AUTH)
		snprintf(dst, size, "not asked: AUTH is proof enough");
	else if (q->never)
		snprintf(dst, size, "not asked: the address is never granted");
	else
		snprintf(dst, size, "nobody logged in from there lately");
}

static void put_window(struct table *t, const struct question *q, const struct identity_found *i)
{
	char text[400], left[40];

	if (i->proof == PROOF_WINDOW)
		snprintf(text, sizeof(text), "held by %s (%s), %zu in all, %s left", i->who.name,
			i->by, i->holders, table_left(i->until_ms - clock_ms(), left));
	else
		say_no_window(q, i, text, sizeof(text));
	row(t, "window", text);
}

static void put_decision(struct table *t, const char *rule, const struct decision *d)
{
	char text[40];

	snprintf(text, sizeof(text), "%d %s", d->code, d->status);
	row(t, rule, d->verdict == VERDICT_ACCEPT ? "accept" : text);
}

static struct policy_facts facts_of(const struct question *q, const struct identity_found *i)
{
	return (struct policy_facts){
		.role = q->settings.roles[q->listener],
		.client = identity_client(i),
		.rules = gate_rules(&q->settings.rules, q->sharing),
		.local = q->has_recipient &&
			(q->recipient.domain_n == 0 ||
				places_is_local(q->places, path_domain(&q->recipient))),
		.routed = q->has_recipient && path_is_routed(&q->recipient),
		.split = q->settings.split,
		.no_deliver = q->settings.deliver_to.kind == HOP_NONE,
		.no_relay = q->settings.relay_to.kind == HOP_NONE,
	};
}

/* "over 5 (popgate.conf:12)", or "never". */
static void put_threshold(
	struct buf *to, const char *what, unsigned n, unsigned line, const char *path)
{
	buf_printf(to, ", %s ", what);
	if (n == 0)
		buf_printf(to, "never");
	else
		buf_printf(to, "over %u", n);
	if (line > 0)
		buf_printf(to, " (%s:%u)", path, line);
}

/* Which rule decides how many may share the address. */
static void put_shared(struct table *t, const struct question *q, const struct identity_found *i)
{
	const struct sharing_rule *r = q->sharing;
	char network[ADDR_TEXT];
	struct buf text;

	buf_init(&text, 8192);
	buf_printf(&text, "%zu on the address", i->holders);
	put_threshold(&text, "shared", r->shared_after, r->shared_line, q->conf_path);
	put_threshold(&text, "frozen", r->frozen_after, r->frozen_line, q->conf_path);
	if (!r->general)
		buf_printf(&text, ", by address \"%s\"", network_format(r->network, network));
	if (r->note[0] != '\0')
		buf_printf(&text, ": %s", r->note);
	buf_add(&text, (struct str){ "", 1 });
	row(t, "shared", text.broken ? "" : buf_str(&text).p);
	buf_free(&text);
}

struct volume_row {
	struct policy_volume sent, may;
	const char *options[2]; /* what sets them: messages, recipients */
	bool of_window; /* they stand in that section, else in smtpgate's */
};

/* "3 of 4 messages (popgate.conf:31)", of each limit that there is. */
static void put_volume(
	struct table *t, const struct question *q, const char *rule, const struct volume_row *v)
{
	const unsigned sent[] = { v->sent.messages, v->sent.recipients },
		       may[] = { v->may.messages, v->may.recipients };
	char where[CONF_WHERE];
	struct buf text;

	buf_init(&text, 16384);
	for (size_t i = 0; i < 2; i++)
		if (may[i] > 0)
			buf_printf(&text, "%s%u of %u %s (%s)", text.len > 0 ? ", " : "", sent[i],
				may[i], i == 0 ? "messages" : "recipients",
				conf_where(v->of_window ? q->window : q->settings.section,
					v->options[i], where));
	if (text.len == 0)
		buf_printf(&text, "no limit");
	buf_add(&text, (struct str){ "", 1 });
	row(t, rule, text.broken ? "" : buf_str(&text).p);
	buf_free(&text);
}

/* How much was sent, by whom and why. */
static void put_volumes(struct table *t, const struct question *q, const struct identity_found *i)
{
	const struct policy_rules *r = &q->settings.rules;
	const struct volume_row who = { i->by_who, r->per_who,
		{ "max_messages_per_hour", "max_recipients_per_hour" }, false },
				key = { i->by_key, r->per_key,
					{ "max_messages_per_hour_per_address",
						"max_recipients_per_hour_per_address" },
					false },
				login = { i->by_window, r->per_window,
					{ "credit_messages", "credit_recipients" }, true };

	put_volume(t, q, "sent_this_hour", &who);
	put_volume(t, q, "sent_from_address", &key);
	if (i->proof == PROOF_WINDOW)
		put_volume(t, q, "sent_since_login", &login);
}

/* The rules that look at MAIL FROM, at how much was sent and at how many hold the address. */
static void put_sender(struct table *t, const struct question *q, const struct identity_found *i)
{
	if (i->proof != PROOF_WINDOW && i->proof != PROOF_AUTH)
		return;
	row(t, "sender",
		!q->has_sender ? "none given: the null sender, which fits anyone but names nobody"
			: q->sender.null ? "the null sender, which fits anyone but names nobody"
			: i->sender_fits ? "belongs to who logged in"
					 : "belongs to nobody who logged in there");
	row_of(t, "sender_binding", q->settings.rules.bind_sender ? "enforce" : "not enforced",
		q->settings.section, "sender_binding");
	put_volumes(t, q, i);
	if (i->proof == PROOF_WINDOW)
		put_shared(t, q, i);
}

/* Is the window being taken away from who holds it, by which section and line of its schedule? */
static void put_brownout(struct table *t, const struct question *q, const struct identity_found *i)
{
	static const char *const states[] = { "not now", "refused now, by ",
		"the window has ended" };
	const struct brownout *b = i->brownout.of;
	char step[BROWNOUT_STEP_TEXT];
	struct buf text;

	if (i->proof != PROOF_WINDOW)
		return;
	buf_init(&text, 8192);
	if (b == NULL)
		buf_printf(&text, "none concerns %s", i->who.name);
	else
		buf_printf(&text, "\"%s\"", b->name);
	if (b != NULL && b->line > 0)
		buf_printf(&text, " (%s:%u)", q->conf_path, b->line);
	if (b != NULL)
		buf_printf(&text, ": %s", states[i->brownout.state]);
	if (i->brownout.step != NULL)
		buf_printf(&text, "%s", brown_step_format(i->brownout.step, step));
	if (b != NULL && b->end > 0)
		buf_printf(&text, ", last day %04d-%02d-%02d%s", b->end / 10000, b->end / 100 % 100,
			b->end % 100, b->utc ? " UTC" : "");
	buf_add(&text, (struct str){ "", 1 });
	row(t, "brownout", text.broken ? "" : buf_str(&text).p);
	buf_free(&text);
}

/* What the shadow rules would have said instead. */
static void put_shadow(struct table *t, const struct question *q, struct policy_facts facts)
{
	struct decision d;

	facts.rules = gate_rules(&q->settings.shadow, q->sharing);
	d = policy_mail(&facts);
	if (d.verdict == VERDICT_ACCEPT && q->has_recipient)
		d = policy_rcpt(&facts);
	row(t, "shadow", d.verdict == VERDICT_ACCEPT ? "accept" : d.reason);
}

static void put_recipient(
	struct table *t, const struct question *q, const struct policy_facts *f, struct decision *d)
{
	*d = policy_rcpt(f);
	row(t, "recipient", f->local ? "local" : "elsewhere");
	put_decision(t, "rcpt", d);
	if (d->verdict == VERDICT_ACCEPT)
		row(t, "next_hop",
			d->route == ROUTE_RELAY ? q->settings.relay_to.text.p
						: q->settings.deliver_to.text.p);
}

static int put_answer(struct table *t, const struct question *q, const struct identity_found *i)
{
	const struct policy_facts facts = facts_of(q, i);
	struct decision d = policy_mail(&facts);

	row(t, "role", facts.role == ROLE_MX ? "mx" : "submission");
	put_decision(t, "mail", &d);
	if (d.verdict == VERDICT_ACCEPT && q->has_recipient)
		put_recipient(t, q, &facts, &d);
	row(t, "reason", d.reason);
	if (d.verdict == VERDICT_ACCEPT)
		put_shadow(t, q, facts);
	return d.verdict == VERDICT_ACCEPT ? EXIT_YES : EXIT_NO;
}

static void put_networks(struct table *t, const struct question *q, const struct identity_found *i)
{
	const struct known_network *known;
	char text[300], network[ADDR_TEXT];
	bool ended;

	if (i->proof == PROOF_NETWORK) {
		known = networks_proof(&q->settings.networks, q->client, clock_ms(), &ended);
		snprintf(text, sizeof(text), "the address is in network \"%s\"%s%.200s",
			known != NULL ? network_format(known->network, network) : "",
			i->note[0] != '\0' ? ": " : "", i->note);
		if (known != NULL)
			row(t, "networks", text);
		else
			row_of(t, "networks", "the address is in one", q->settings.section,
				"networks");
	} else {
		row(t, "networks",
			i->proof == PROOF_AUTH     ? "not asked: AUTH is proof enough"
				: i->network_ended ? "the address is in one whose time is over"
						   : "no");
	}
}

/* Without an account file each address is its own subscriber's. */
static bool owns(void *file, const struct subscriber *address, struct subscriber *owner)
{
	return file != NULL && passwdfile_owner(file, address, owner);
}

static bool lists(void *file, const struct subscriber *who, const struct subscriber *address)
{
	return file != NULL && passwdfile_lists(file, who, address);
}

static struct str groups(void *file, const struct subscriber *who)
{
	struct passwd_account a;

	return file != NULL && passwdfile_find(file, who, &a) ? a.groups : STR("");
}

static void look(const struct question *q, struct view *v, const struct judge *j,
	struct identity_found *found)
{
	const struct identity_facts facts = { .settings = &q->settings,
		.places = q->places,
		.view = v,
		.owns = owns,
		.lists = lists,
		.groups = groups,
		.accounts = j->file,
		.client = q->client,
		.never = q->never,
		.authenticated = q->auth.n > 0 ? &q->auth : NULL,
		.sender = &q->sender,
		.now_ms = clock_ms() };

	identity_look(found, &facts);
}

/* Who cannot log in stays who he was. */
static void put_auth(
	const struct ctl *c, struct table *t, struct question *q, const struct judge *j)
{
	struct passwd_account a;
	bool there = j->file != NULL && passwdfile_find(j->file, &q->auth, &a);

	if (c->auth == NULL)
		return;
	if (there && !a.disabled && a.stored.n > 0) {
		row(t, "auth", q->auth.name);
		return;
	}
	row(t, "auth", there ? "535: the account is disabled" : "535: there is no such account");
	q->auth.n = 0;
}

/* As smtpgate looks for its log line. */
static void look_elsewhere(const struct ctl *c, struct question *q, struct view *v,
	const struct judge *j, const struct identity_found *found)
{
	struct subscriber who;

	if (found->proof != PROOF_NONE || q->sender.null ||
		!subscriber_fold(str_of(q->sender.text), c->site.default_domain, &who))
		return;
	(void)owns(j->file, &who, &who);
	q->near_miss = view_find(v, &who, clock_ms(), &q->elsewhere);
}

/* What could not be looked at, and may make the gate say something else. */
static void say_unknown(const struct ctl *c, const struct judge *j,
	const struct identity_found *found, enum err view)
{
	if (j->of_file != ERR_NONE)
		ctl_say("%s: %s; addresses= are not known", c->site.users_path,
			err_text(j->of_file));
	if (j->of_key != ERR_NONE && found->proof == PROOF_WINDOW)
		ctl_say("the key in %s cannot be read: %s; whether the account has changed since "
			"the login is not known",
			c->site.state_dir, err_text(j->of_key));
	if (found->proof == PROOF_UNKNOWN && view != ERR_NONE)
		ctl_say("the window in %s cannot be read: %s", c->site.state_dir, err_text(view));
}

int ctl_explain(struct ctl *c)
{
	static const char *const heads[] = { "rule", "result", NULL };
	struct question q = { 0 };
	struct identity_found found;
	struct view *v = NULL;
	struct judge judge;
	struct table *t;
	enum err e;
	int code;

	if (!read_question(c, &q) || places_open(&q.places, q.settings.section) != ERR_NONE)
		return EXIT_USAGE;
	judge_open(&judge, c);
	t = table_new(heads, c->json);
	put_auth(c, t, &q, &judge);
	e = view_open(&v, c->site.state_dir);
	if (e == ERR_NONE)
		judge_attach(&judge, v);
	look(&q, v, &judge, &found);
	look_elsewhere(c, &q, v, &judge, &found);
	q.lost_ms = view_lost(v, clock_ms());
	view_close(&v);
	put_networks(t, &q, &found);
	put_never(c, t, &q);
	put_window(t, &q, &found);
	put_near_miss(t, &q);
	put_sender(t, &q, &found);
	put_brownout(t, &q, &found);
	code = put_answer(t, &q, &found);
	table_end(t);
	say_unknown(c, &judge, &found, e);
	judge_close(&judge);
	places_close(&q.places);
	return found.proof == PROOF_UNKNOWN && code != EXIT_YES ? EXIT_AWAY : code;
}
