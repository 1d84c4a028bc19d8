/* hammer.c - the load generator: plays sessions against a server on this machine and counts.
 *
 *	hammer SCRIPT PORT N [RECIPIENT] [NAME=VALUE...]      N sessions; hammer alone lists scripts and options
 *	hammer grants RUN_DIR STATE_DIR N [NAME=VALUE...]     grants at the store's socket, then lookups
 *
 * One thread and epoll. Every session comes from an address of its own (127.1.0.1 and up), so that
 * limits and windows of single addresses act as they would in earnest. Every answer is checked; one that
 * is wrong makes the exit status 1. The last line printed is the result as NAME=VALUE; cpu_ms is what
 * this program itself spent on a session, and no part of what the server did. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/bench/drive.h"
#include "tests/bench/grants.h"

struct option {
	const char *name, *what;
	unsigned *number; /* the one or the other */
	const char **text;
};

static struct plan plan = { .at = 32,
	.limit_s = 120,
	.sources = 60000,
	.users = 1000,
	.each = 1,
	.size = 2000,
	.user = "user",
	.password = "secret",
	.recipient = "bob@else.test",
	.host = "127.0.0.1" };
static struct grants_plan grants = { .clients = 4, .flight = 500 };
static unsigned tls, resume;

/* clang-format off */
static const struct option options[] = {
	{ "at",        "sessions at a time", &plan.at, NULL },
	{ "opening",   "of those that will be held, not yet held at a time; 0: all", &plan.opening, NULL },
	{ "rate",      "sessions begun a second; 0: each as one ends", &plan.rate, NULL },
	{ "limit",     "seconds after which the run is given up", &plan.limit_s, NULL },
	{ "first",     "number of the first session: of its address and subscriber", &plan.first, NULL },
	{ "sources",   "addresses used in turn; 0: 16 million", &plan.sources, NULL },
	{ "users",     "subscribers used in turn; 0: the one named by user", &plan.users, NULL },
	{ "user",      "what their names begin with; a number follows", NULL, &plan.user },
	{ "password",  "their password", NULL, &plan.password },
	{ "each",      "messages of each session", &plan.each, NULL },
	{ "size",      "octets of a message to send", &plan.size, NULL },
	{ "recipient", "of messages", NULL, &plan.recipient },
	{ "host",      "the server's IPv4 address", NULL, &plan.host },
	{ "tls",       "1: TLS from the first octet", &tls, NULL },
	{ "resume",    "1: with a ticket, once there is one", &resume, NULL },
	{ NULL, NULL, NULL, NULL },
};
static const struct option grants_options[] = {
	{ "first",   "number of the first address and subscriber", &grants.first, NULL },
	{ "clients", "connections to the store", &grants.clients, NULL },
	{ "flight",  "unanswered requests of each", &grants.flight, NULL },
	{ "lookups", "in the view afterwards; 0: as many as grants", &grants.lookups, NULL },
	{ NULL, NULL, NULL, NULL },
};
/* clang-format on */

static void list(const struct option *o)
{
	for (; o->name != NULL; o++)
		fprintf(stderr, "    %-10s %s\n", o->name, o->what);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: hammer SCRIPT PORT N [RECIPIENT] [NAME=VALUE...]\n"
		"       hammer grants RUN_DIR STATE_DIR N [NAME=VALUE...]\n");
	for (const struct script *s = script_all(); s->name != NULL; s++)
		fprintf(stderr, "  %-10s %s\n", s->name, s->what);
	list(options);
	fprintf(stderr, "  grants\n");
	list(grants_options);
	return 2;
}

static bool number_of(const char *text, unsigned *out)
{
	uint64_t n;

	if (!str_to_u64(str_of(text), UINT32_MAX, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

static bool set(const struct option *o, const char *word)
{
	size_t n = strcspn(word, "=");

	for (; word[n] == '=' && o->name != NULL; o++) {
		if (strlen(o->name) != n || strncmp(o->name, word, n) != 0)
			continue;
		if (o->number != NULL)
			return number_of(word + n + 1, o->number);
		*o->text = word + n + 1;
		return true;
	}
	return false;
}

static bool set_all(const struct option *o, char **words)
{
	for (; *words != NULL; words++)
		if (!set(o, *words)) {
			fprintf(stderr, "hammer: %s?\n", *words);
			return false;
		}
	return true;
}

static double own_cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double ms(const struct histogram *h, double part)
{
	return (double)histogram_part(h, part) / 1e3;
}

static void report(const struct common *c, const struct result *r)
{
	unsigned n = r->done > 0 ? r->done : 1;

	printf("done=%u failed=%u seconds=%.6f per_second=%.0f p50_ms=%.2f p99_ms=%.2f max_ms=%.2f",
		r->done, r->failed, r->seconds, r->done / r->seconds, ms(&r->whole, 0.5),
		ms(&r->whole, 0.99), (double)r->whole.max_us / 1e3);
	if (c->timed.n > 0)
		printf(" step_p50_ms=%.3f step_p99_ms=%.3f step_max_ms=%.2f", ms(&c->timed, 0.5),
			ms(&c->timed, 0.99), (double)c->timed.max_us / 1e3);
	if (c->octets > 0)
		printf(" octets=%llu", c->octets);
	if (c->messages > 0)
		printf(" messages=%llu", c->messages);
	if (c->tls != NULL)
		printf(" resumed=%u", c->resumed);
	printf(" cpu_ms=%.4f\n", own_cpu_ms() / n);
}

static int play(const struct script *script)
{
	static struct common common;
	static struct result result;

	plan.tls = tls != 0;
	plan.resume = resume != 0;
	if (plan.at == 0 || plan.port == 0 || plan.port > UINT16_MAX)
		return usage();
	if (plan.at > plan.total)
		plan.at = plan.total;
	common.plan = &plan;
	common.script = script;
	if (!script_make_body(&plan) || (plan.tls && !client_tls_init(&common)) ||
		!drive(&common, &result)) {
		fprintf(stderr, "hammer: no memory, or no descriptors\n");
		return 1;
	}
	report(&common, &result);
	client_tls_free(&common);
	free(plan.body);
	return result.failed == 0 && result.done == plan.total ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct script *script = argc > 1 ? script_find(argv[1]) : NULL;
	char **rest = argv + 4;

	if (argc >= 5 && strcmp(argv[1], "grants") == 0) {
		grants.run_dir = argv[2];
		grants.state_dir = argv[3];
		if (!number_of(argv[4], &grants.total) || !set_all(grants_options, argv + 5))
			return usage();
		return grants_run(&grants);
	}
	if (script == NULL || argc < 4 || !number_of(argv[2], &plan.port) ||
		!number_of(argv[3], &plan.total))
		return usage();
	if (*rest != NULL && strchr(*rest, '=') == NULL)
		plan.recipient = *rest++;
	return set_all(options, rest) ? play(script) : usage();
}
