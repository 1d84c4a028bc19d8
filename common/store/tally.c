/* tally.c - see tally.h. */
#include "common/store/tally.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/counters.h"
#include "common/daemon/privilege.h"

#define STATS_MS 60000

enum counted {
	COUNT_GRANTS,
	COUNT_RENEWED,
	COUNT_NEVER,
	COUNT_REVOCATIONS,
	COUNT_LOST,
	COUNT_FAILURES,
	COUNT_USES,
	COUNT_ERRORS,
	COUNT_BATCHES,
	COUNT_ENTRIES,
	COUNT_PEERS,
	COUNT_BATCH_TIME,
};

/* clang-format off */
static const struct counter_name names[] = { /* in the order of enum counted */
	{ "store_grants",         "grants made durable",                                    false },
	{ "store_renewed",        "grants that an entry still covered",                     false },
	{ "store_never",          "grants refused: the address is one that is never granted", false },
	{ "store_revocations",    "revocations",                                            false },
	{ "store_lost",           "grants that workers reported as lost",                   false },
	{ "store_login_failures", "wrong passwords that workers reported",                  false },
	{ "store_uses",           "uses of the relay that workers reported",                false },
	{ "store_errors",         "requests that failed",                                   false },
	{ "store_batches",        "batches of requests, each one durable commit at most",   false },
	{ "store_entries",        "entries of the window, with those not yet purged",       true  },
	{ "store_peers",          "connections to the store",                               true  },
	COUNTERS_TIME_ROWS("store_batch_seconds", "how long a batch took"),
	{ NULL, NULL, false },
};
/* clang-format on */

struct tally {
	struct counters *counters; /* owned */
	int fd; /* of its file, and with it the lock */
	int64_t stats_ms; /* steady clock: when the next line is due */
};

static void publish(struct tally *t, const struct site *site)
{
	gid_t group = (gid_t)-1;
	enum err e;

	if (site->run_as_group[0] != '\0')
		(void)!group_find(site->run_as_group, &group);
	e = counters_publish(t->counters, site->run_dir, "popgate-store", group, &t->fd);
	if (e ==
		ERR_DENIED) /* the group is not ours to give to: a store that runs as nobody special */
		e = counters_publish(
			t->counters, site->run_dir, "popgate-store", (gid_t)-1, &t->fd);
	if (e != ERR_NONE)
		log_say(LOG_LEVEL_WARN, "counters.hidden", "popgate stats will not see them: %s",
			err_text(e));
}

enum err tally_open(struct tally **out, const struct site *site, const char *conf_path)
{
	struct tally *t = calloc(1, sizeof(*t));
	enum err e;

	if (t == NULL)
		return ERR_NOMEM;
	t->fd = -1;
	t->stats_ms = clock_steady_ms() + STATS_MS;
	e = counters_make(&t->counters, names, &t->fd);
	if (e != ERR_NONE) {
		tally_close(&t);
		return e;
	}
	publish(t, site);
	counters_loaded(t->counters, conf_path, 0, clock_ms());
	*out = t;
	return ERR_NONE;
}

void tally_close(struct tally **t)
{
	if (*t == NULL)
		return;
	counters_close(&(*t)->counters);
	if ((*t)->fd >= 0)
		close((*t)->fd);
	free(*t);
	*t = NULL;
}

static enum counted counted_of(const struct pending *p)
{
	if (p->answer.result != ERR_NONE)
		return COUNT_ERRORS;
	switch (p->request.kind) {
	case WIRE_GRANT:
		return p->answer.never      ? COUNT_NEVER
			: p->answer.renewed ? COUNT_RENEWED
					    : COUNT_GRANTS;
	case WIRE_REVOKE: return COUNT_REVOCATIONS;
	case WIRE_LOST: return COUNT_LOST;
	case WIRE_FAILURE: return COUNT_FAILURES;
	default: return COUNT_USES;
	}
}

void tally_batch(struct tally *t, const struct pending *batch, size_t n, int64_t ms)
{
	for (size_t i = 0; i < n; i++)
		if (batch[i].request.kind != WIRE_WATCH)
			counters_add(t->counters, counted_of(&batch[i]), 1);
	counters_add(t->counters, COUNT_BATCHES, 1);
	counters_time(t->counters, COUNT_BATCH_TIME, ms);
}

static void log_stats(const struct tally *t)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "stats");
	counters_log(t->counters, &l);
	log_end(&l);
}

void tally_tick(struct tally *t, const struct store *s, size_t peers, bool last)
{
	int64_t now = clock_steady_ms();

	counters_set(t->counters, COUNT_ENTRIES, (int64_t)s->entries);
	counters_set(t->counters, COUNT_PEERS, (int64_t)peers);
	if (now < t->stats_ms && !last)
		return;
	t->stats_ms = now + STATS_MS;
	log_stats(t);
}
