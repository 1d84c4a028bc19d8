#include "tests/bench/grants.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/window/ask.h"
#include "common/window/view.h"
#include "tests/bench/client.h"

#define CLIENTS_MAX 64
#define ANSWER_MS 10000
#define LOOKUPS_TIMED 1024 /* in one go, between two looks at the clock */

struct line { /* one connection to the store */
	struct ask *ask; /* owned */
	int64_t *sent_us; /* owned; flight of them, by ticket */
	unsigned sent, answered;
};

static struct {
	const struct grants_plan *plan;
	struct line lines[CLIENTS_MAX];
	struct pollfd polls[CLIENTS_MAX];
	unsigned next, answered, failed;
	struct histogram acks;
} run;

/* Number n as an address of 10.0.0.0/8. Neighbours in number are far apart as keys, as those of real
 * clients are: an odd factor makes every number below 2^24 another address. */
static struct grant grant_of(unsigned n)
{
	struct grant g = { .source = { "bench", "plain", false } };
	unsigned place = (n * 0x9e3779b1U) & 0xffffff;
	char name[40];

	snprintf(name, sizeof(name), "user%u@example.net", n);
	if (!subscriber_fold(str_of(name), STR(""), &g.who) ||
		!addr_parse(STR("10.0.0.0"), &g.addr))
		abort();
	g.addr.b[13] = (uint8_t)(place >> 16);
	g.addr.b[14] = (uint8_t)(place >> 8);
	g.addr.b[15] = (uint8_t)place;
	return g;
}

static void send_some(struct line *l)
{
	while (run.next < run.plan->total && l->sent - l->answered < run.plan->flight) {
		struct grant g = grant_of(run.plan->first + run.next);

		if (ask_grant(l->ask, l->sent, &g) != ERR_NONE)
			return;
		l->sent_us[l->sent++ % run.plan->flight] = client_now_us();
		run.next++;
	}
}

static void receive_all(struct line *l)
{
	struct answer got;

	while (ask_receive(l->ask, &got) == ERR_NONE) {
		histogram_add(
			&run.acks, client_now_us() - l->sent_us[got.ticket % run.plan->flight]);
		l->answered++;
		run.answered++;
		run.failed += got.result != ERR_NONE;
	}
}

static bool open_lines(void)
{
	for (unsigned i = 0; i < run.plan->clients; i++) {
		struct line *l = &run.lines[i];

		l->sent_us = calloc(run.plan->flight, sizeof(*l->sent_us));
		if (l->sent_us == NULL || ask_open(&l->ask, run.plan->run_dir) != ERR_NONE)
			return false;
		run.polls[i] = (struct pollfd){ .fd = ask_fd(l->ask), .events = POLLIN };
	}
	return true;
}

static void close_lines(void)
{
	for (unsigned i = 0; i < run.plan->clients; i++) {
		if (run.lines[i].ask != NULL)
			ask_close(&run.lines[i].ask);
		free(run.lines[i].sent_us);
	}
}

static bool send_grants(void)
{
	int64_t start = client_now_us();
	double took;

	while (run.answered < run.plan->total) {
		for (unsigned i = 0; i < run.plan->clients; i++)
			send_some(&run.lines[i]);
		if (poll(run.polls, run.plan->clients, ANSWER_MS) <= 0)
			break;
		for (unsigned i = 0; i < run.plan->clients; i++)
			receive_all(&run.lines[i]);
	}
	run.failed += run.plan->total - run.answered;
	took = (double)(client_now_us() - start) / 1e6;
	printf("grants=%u failed=%u seconds=%.6f per_second=%.0f p50_ms=%.2f p99_ms=%.2f "
	       "max_ms=%.2f\n",
		run.plan->total, run.failed, took, run.plan->total / took,
		(double)histogram_part(&run.acks, 0.5) / 1e3,
		(double)histogram_part(&run.acks, 0.99) / 1e3, (double)run.acks.max_us / 1e3);
	return run.failed == 0;
}

/* So many lookups, from number i on: how many were held. Making the addresses is not in *us. */
static unsigned look_up_some(struct view *v, unsigned i, unsigned n, int64_t *us)
{
	unsigned known = run.plan->first + run.plan->total, held = 0;
	struct addr addrs[LOOKUPS_TIMED];
	struct holders holders;
	int64_t start;

	for (unsigned k = 0; k < n; k++)
		addrs[k] = grant_of((unsigned)((uint64_t)(i + k) * 7919 % known)).addr;
	start = client_now_us();
	for (unsigned k = 0; k < n; k++)
		held += view_check(v, addrs[k], clock_ms(), &holders) == HELD;
	*us += client_now_us() - start;
	return held;
}

/* Looks addresses up that were granted, in an order unlike that in which they were. */
static bool look_up(struct view *v)
{
	unsigned n = run.plan->lookups > 0 ? run.plan->lookups : run.plan->total, held = 0, some;
	int64_t us = 0;

	for (unsigned i = 0; i < n; i += some) {
		some = n - i < LOOKUPS_TIMED ? n - i : LOOKUPS_TIMED;
		held += look_up_some(v, i, some, &us);
	}
	printf("entries=%u lookups=%u held=%u us_each=%.2f\n", run.plan->first + run.plan->total, n,
		held, (double)us / (n > 0 ? n : 1));
	return held == n;
}

int grants_run(const struct grants_plan *p)
{
	struct view *v = NULL;
	bool good;

	if (p->clients == 0 || p->clients > CLIENTS_MAX || p->flight == 0)
		return 2;
	run.plan = p;
	good = open_lines() && view_open(&v, p->state_dir) == ERR_NONE;
	if (!good)
		fprintf(stderr, "hammer: no store in %s\n", p->run_dir);
	good = good && send_grants() && look_up(v);
	close_lines();
	view_close(&v);
	return good ? 0 : 1;
}
