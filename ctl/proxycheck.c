/* proxycheck.c - is the address that a daemon sees the client's? Behind a balancer that only passes octets on it
 * is the balancer's, and the first login opens the window for all the world.
 *
 * With HOST:PORT it connects there as a client would, and has the daemon say what it sees: the same address and
 * the same port as our end has, or somebody else's. In any case it looks at whom the window holds. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/conf/listeners.h"
#include "common/window/view.h"
#include "ctl/asking.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

#define PAGE 256
#define CROWD 10 /* entries on one address that are more than a household, if they are also ... */
#define CROWD_PERCENT 50 /* ... so much of all */

static const char *const heads[] = { "connected_to", "our_end", "seen", "way", "verdict", NULL };

/* --- what is asked, and of which listener --- */

struct question {
	const struct ctl *c;
	bool named, tls; /* a listener, and its TLS from the first octet */
	const char *alpn; /* "pop3" or "smtp" */
};

static bool find_listener_of(struct question *q, const char *daemon, const char *alpn)
{
	struct conf_section s = conf_section(conf_root(q->c->conf), daemon, 0);

	for (size_t i = 0; i < conf_sections(s, "listener"); i++) {
		struct conf_section at = conf_section(s, "listener", i);

		if (!str_eq(conf_title(at), str_of(q->c->listener)))
			continue;
		q->named = true;
		q->tls = conf_word(at, "tls") == LISTENER_IMPLICIT;
		q->alpn = alpn;
		return true;
	}
	return false;
}

static bool find_listener(struct question *q)
{
	if (find_listener_of(q, "pop3d", "pop3") || find_listener_of(q, "smtpgate", "smtp"))
		return true;
	ctl_say("%s: there is no such listener in %s", q->c->listener, q->c->conf_path);
	return false;
}

/* TLS from the first octet, where no listener was named to say so. */
static void go_by_port(struct question *q, const char *port)
{
	bool smtps = strcmp(port, "465") == 0;

	if (q->named)
		return;
	q->tls = smtps || strcmp(port, "995") == 0;
	q->alpn = smtps ? "smtp" : "pop3";
}

/* "mail.example.net:110", "192.0.2.1:110", "[2001:db8::1]:110" */
static struct addrinfo *resolve(const char *text, struct question *q)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	struct str host = { text, colon != NULL ? (size_t)(colon - text) : 0 };
	struct addrinfo *found;
	char name[256];
	int code;

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct str){ host.p + 1, host.n - 2 };
	if (host.n == 0 || !str_to_cstr(host, name, sizeof(name))) {
		ctl_say("%s: host and port are wanted, like mail.example.net:110", text);
		return NULL;
	}
	code = getaddrinfo(name, colon + 1, &hints, &found);
	if (code != 0) {
		ctl_say("%s: %s", text, gai_strerror(code));
		return NULL;
	}
	go_by_port(q, colon + 1);
	return found;
}

/* --- the verdict on one connection --- */

struct verdict {
	const char *word;
	int code;
	const char *advice; /* for people */
};

static const struct verdict direct = { "client", EXIT_YES,
	"The client's own address is seen: nothing is in between." };
static const struct verdict by_proxy = { "client", EXIT_YES,
	"The client's own address is seen: the balancer says it by the PROXY protocol." };
static const struct verdict nobody = { "nobody", EXIT_NO,
	"The balancer says no address of its client (LOCAL or UNKNOWN), so it proves nothing,\n"
	"and no login opens a window." };
static const struct verdict same_host = { "between", EXIT_NO,
	"The address is ours, but the port is not: something on this host passes connections on "
	"and\n"
	"says nothing of it. A client from elsewhere would be seen under this host's address." };
static const struct verdict between = { "between", EXIT_NO,
	"What is seen is the address of something in between, which every client that comes this\n"
	"way has in common: each login would open the window for all of them. Is it a balancer,\n"
	"let it speak the PROXY protocol (HAProxy: send-proxy-v2), name it in proxies and set\n"
	"proxy_protocol = "
	"true\n"
	"for the listener; until then put it into never of section window. Is it a gateway before\n"
	"the host on which this was asked, ask again from one that has a public address." };
static const struct verdict closed = {
	"closed", EXIT_NO,
	"The connection was closed without a greeting. A listener with proxy_protocol = true "
	"hears\n"
	"only hosts in proxies, and only with a PROXY header: what is in between must send one, "
	"and\n"
	"proxies must name it. The log has proxy.refused with the address that came and the reason."
};
static const struct verdict foreign = { "foreign", EXIT_AWAY,
	"What answers there is neither pop3d nor smtpgate of this version, or wants TLS from the "
	"first octet where\n"
	"--listener names none that does." };
static const struct verdict unreachable = { "unreachable", EXIT_AWAY,
	"Nobody takes connections there." };

static const struct verdict *judge(enum asked says, const struct asked_facts *f)
{
	bool here;

	switch (says) {
	case ASKED_ANSWERED: break;
	case ASKED_UNREACHABLE: return &unreachable;
	case ASKED_CLOSED: return &closed;
	case ASKED_FOREIGN: return &foreign;
	}
	if (strcmp(f->way, "local") == 0 || strcmp(f->way, "unknown") == 0)
		return &nobody;
	here = addr_eq(f->ours.addr, f->seen.addr);
	if (here && f->ours.port == f->seen.port)
		return strcmp(f->way, "proxy") == 0 ? &by_proxy : &direct;
	return here ? &same_host : &between;
}

static void put(struct table *t, struct endpoint to, enum asked says, const struct asked_facts *f,
	const struct verdict *v)
{
	char text[ENDPOINT_TEXT];

	table_text(t, endpoint_format(to, text));
	table_text(t, says == ASKED_UNREACHABLE ? "" : endpoint_format(f->ours, text));
	table_text(t, says == ASKED_ANSWERED ? endpoint_format(f->seen, text) : "");
	table_text(t, f->way);
	table_text(t, v->word);
}

/* Every address of the name: one family may come another way than the other. The worst is the answer. */
static int probe(const struct question *q, const struct addrinfo *found)
{
	const struct verdict *worst = NULL;
	struct table *t = table_new(heads, q->c->json);

	for (; found != NULL; found = found->ai_next) {
		struct endpoint to = endpoint_of(found->ai_addr);
		struct asked_facts f = { .way = "" };
		enum asked says = ask_daemon(to, q->tls, q->alpn, &f);
		const struct verdict *v = judge(says, &f);

		put(t, to, says, &f, v);
		if (worst == NULL || v->code > worst->code)
			worst = v;
	}
	table_end(t);
	if (!q->c->json)
		printf("\n%s\n", worst->advice);
	return worst->code;
}

/* --- whom the window holds --- */

struct crowd { /* entries come in the order of keys */
	size_t all, here, most;
	struct addr key, largest;
};

static void count(struct crowd *k, struct addr key)
{
	k->here = k->all > 0 && addr_eq(k->key, key) ? k->here + 1 : 1;
	k->key = key;
	k->all++;
	if (k->here <= k->most)
		return;
	k->most = k->here;
	k->largest = key;
}

static enum err look(const struct ctl *c, struct crowd *k)
{
	struct view_cursor cursor = { 0 };
	struct entry page[PAGE];
	struct view *v = NULL;
	size_t n = PAGE;
	enum err e = view_open(&v, c->site.state_dir);

	while (e == ERR_NONE && n == PAGE) {
		e = view_page(v, clock_ms(), false, &cursor, page, PAGE, &n);
		for (size_t i = 0; e == ERR_NONE && i < n; i++)
			count(k, page[i].key);
	}
	view_close(&v);
	return e;
}

static int statistics(const struct ctl *c)
{
	struct crowd k = { 0 };
	enum err e = look(c, &k);
	char text[ADDR_TEXT];
	bool crowded = k.most >= CROWD && k.most * 100 >= k.all * CROWD_PERCENT;

	if (e != ERR_NONE) {
		ctl_say("the window in %s cannot be read: %s", c->site.state_dir, err_text(e));
		return EXIT_AWAY;
	}
	if (crowded)
		ctl_say("%zu of %zu entries of the window are on %s: more likely a balancer or a "
			"gateway than a subscriber",
			k.most, k.all, addr_format(k.largest, text));
	else if (!c->json && c->argc == 0)
		printf("%zu entries in the window, %zu at most on one address: no crowd\n", k.all,
			k.most);
	return crowded ? EXIT_NO : EXIT_YES;
}

int ctl_proxycheck(struct ctl *c)
{
	struct question q = { .c = c };
	struct addrinfo *found;
	int code, crowd;

	if (c->listener != NULL && !find_listener(&q))
		return EXIT_USAGE;
	if (c->argc == 0)
		return statistics(c);
	if (ctl_one_argument(c, "the public address and port") == NULL)
		return EXIT_USAGE;
	found = resolve(c->argv[0], &q);
	if (found == NULL)
		return EXIT_USAGE;
	code = probe(&q, found);
	freeaddrinfo(found);
	crowd = statistics(c);
	return code != EXIT_YES ? code : crowd == EXIT_AWAY ? EXIT_YES : crowd;
}
