/* supervise.c - the supervisor's one loop: a signal came, or a second has passed. */
#include "common/daemon/supervise.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/ready.h"
#include "common/daemon/supervisor.h"

#define TICK_MS 500
#define STATS_MS 60000
#define GRACE_MS 3000 /* beyond drain_ms, for farewells and a maildrop's update */
#define DRAINING_MAX 2 /* old generations at a time */

/* How many children a generation with that config has at most. */
static unsigned children_of(const struct supervisor *s, const struct setup *setup)
{
	unsigned n = 0;

	for (const struct role *r = s->program->roles; r->name != NULL; r++)
		n += r->per_core ? setup->site.workers : 1;
	return n;
}

/* Generations that still drain hold seats, and a new one that finds too few would serve nobody. */
static enum err check_seats(
	const struct supervisor *s, const struct setup *setup, struct buf *complaints)
{
	if (supervisor_seats_free(s) >= children_of(s, setup))
		return ERR_NONE;
	conf_complain(conf_root(setup->conf), NULL, complaints,
		"too many workers of earlier configs still drain: reload again later");
	return ERR_BUSY;
}

void supervisor_log_complaints(const struct buf *complaints)
{
	struct str rest = buf_str(complaints), line;

	while (rest.n > 0) {
		struct log_line l;

		(void)str_split(rest, '\n', &line, &rest);
		log_begin(&l, LOG_LEVEL_ERROR, "config.bad");
		log_str(&l, "msg", line);
		log_end(&l);
	}
}

static void log_loaded(const struct supervisor *s)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "config.loaded");
	log_text(&l, "path", s->conf_path);
	log_int(&l, "generation", s->generation);
	log_int(&l, "workers", s->setup.site.workers);
	log_end(&l);
	counters_loaded(s->counters, s->conf_path, s->generation, clock_ms());
}

/* Opens what setup wants beyond what is open, and says what failed as a complaint. */
static enum err open_sockets(
	struct supervisor *s, struct setup *setup, struct sockets *out, struct buf *complaints)
{
	const struct sockets_source from = { &s->sockets, &s->passed, setup->site.workers };
	size_t failed = 0;
	enum err e = sockets_open(out, &from, &setup->listeners, &failed);

	if (e != ERR_NONE) {
		char text[ENDPOINT_TEXT];
		struct conf_section d = conf_section(conf_root(setup->conf), s->program->name, 0);

		conf_complain(conf_section(d, "listener", failed), NULL, complaints,
			"listener \"%s\": cannot listen there: %s%s",
			endpoint_format(setup->listeners.at[failed], text), err_text(e),
			s->passed.n > 0 ? "; it is not among the sockets that the service manager "
					  "passed: add it there, and restart"
					: "");
	}
	return e;
}

/* Takes setup for its own and makes it the current one. */
static void adopt(struct supervisor *s, struct setup *setup, struct sockets *sockets)
{
	sockets_close(&s->sockets, sockets);
	setup_free(&s->setup);
	s->setup = *setup;
	s->sockets = *sockets;
	supervisor_make_posts(s);
	site_open_log(&s->setup.site, s->program->name);
	log_loaded(s);
	sockets_report_unused(&s->sockets, &s->passed);
}

static void reload(struct supervisor *s, int64_t now)
{
	struct setup setup;
	struct sockets sockets;
	struct buf complaints;
	enum err e;

	ready_say("RELOADING=1");
	buf_init(&complaints, 1 << 16);
	e = setup_read(&setup, s->program, s->conf_path, &complaints);
	if (e == ERR_NONE) {
		e = check_seats(s, &setup, &complaints);
		if (e == ERR_NONE)
			e = open_sockets(s, &setup, &sockets, &complaints);
		if (e != ERR_NONE)
			setup_free(&setup);
	}
	if (e == ERR_NONE) {
		s->generation++;
		adopt(s, &setup, &sockets);
		supervisor_fill(s, now);
		supervisor_tell(s, (int64_t)s->generation - 1, SIGHUP);
	} else {
		supervisor_log_complaints(&complaints);
		log_say(LOG_LEVEL_ERROR, "config.kept", "the config in use stays");
	}
	buf_free(&complaints);
	ready_say("READY=1");
}

static void upgrade(struct supervisor *s)
{
	if (supervisor_seats_free(s) >= children_of(s, &s->setup))
		upgrade_try(s);
	else
		log_say(LOG_LEVEL_ERROR, "upgrade.refused",
			"too many workers of earlier configs still drain: try again later");
}

static void log_stats(const struct supervisor *s)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "stats");
	counters_log(s->counters, &l);
	log_end(&l);
}

static void stop(struct supervisor *s, int64_t now, bool at_once)
{
	if (!s->stopping) {
		log_say(LOG_LEVEL_INFO, "daemon.stopping", "sessions have %lld ms",
			(long long)s->setup.site.drain_ms);
		ready_say("STOPPING=1");
		s->kill_ms = now + s->setup.site.drain_ms + GRACE_MS;
	} else {
		at_once = true; /* asked twice */
	}
	s->stopping = true;
	supervisor_tell(s, s->generation, at_once ? SIGKILL : SIGTERM);
}

static void on_signal(struct supervisor *s, int number, int64_t now)
{
	switch (number) {
	case SIGCHLD: supervisor_reap(s, now); break;
	case SIGHUP:
		if (!s->stopping)
			reload(s, now);
		break;
	case SIGUSR1: log_stats(s); break;
	case SIGUSR2:
		if (!s->stopping)
			upgrade(s);
		break;
	case SIGTERM:
	case SIGINT: stop(s, now, false); break;
	case SIGQUIT: stop(s, now, true); break;
	default: break;
	}
}

/* A post may be due before the next tick. */
static int time_to_wait(const struct supervisor *s, int64_t now)
{
	int64_t wait = TICK_MS;

	for (size_t i = 0; i < s->posts_n && !s->stopping; i++)
		if (!s->posts[i].filled && s->posts[i].start_ms - now < wait)
			wait = s->posts[i].start_ms - now;
	return wait > 0 ? (int)wait : 0;
}

static void wait_for_signals(struct supervisor *s)
{
	struct pollfd p = { .fd = s->signals, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&p, 1, time_to_wait(s, clock_steady_ms())) <= 0)
		return;
	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		on_signal(s, (int)info.ssi_signo, clock_steady_ms());
}

/* Of many draining generations the oldest are ended, but each has had its time: a session that has just
 * begun is not cut because of two more reloads. */
static void end_oldest(struct supervisor *s, int64_t now)
{
	for (unsigned seat = 0; seat < SEATS; seat++) {
		struct child *c = &s->seats[seat];

		if (c->pid == 0 || !c->told ||
			(int64_t)c->generation >= (int64_t)s->generation - DRAINING_MAX ||
			now - c->told_ms < s->setup.site.drain_ms)
			continue;
		c->told_ms = now;
		kill(c->pid, SIGTERM);
	}
}

/* A crashed worker's restart may be due before the next tick. */
static void tick(struct supervisor *s, int64_t now)
{
	supervisor_reap(s, now);
	log_tick(now);
	vigil_keep(s, now);
	if (s->stopping) {
		if (now >= s->kill_ms)
			supervisor_tell(s, s->generation, SIGKILL);
		else if (!supervisor_has_senders(s))
			supervisor_tell(s, s->generation, SIGTERM);
		return;
	}
	supervisor_fill(s, now);
	end_oldest(s, now);
	storekeeper_look(&s->keeper, &s->setup.site, now);
	if (now >= s->turn_ms) {
		s->turn_ms = now + TICKETS_LIFE_S * INT64_C(1000);
		tickets_turn(s->tickets);
	}
	if (now >= s->stats_ms) {
		s->stats_ms = now + STATS_MS;
		log_stats(s);
	}
}

static void begin(struct supervisor *s)
{
	storekeeper_look(&s->keeper, &s->setup.site, clock_steady_ms());
	if (!storekeeper_wait(&s->setup.site, 3000))
		log_say(LOG_LEVEL_ERROR, "store.failed",
			"the store does not answer; going on without it");
	shared_publish(s);
	supervisor_fill(s, clock_steady_ms());
}

/* The old workers are told to end once the new ones are there; the store has its turn when both can wait for it. */
static void go_on(struct supervisor *s)
{
	log_say(LOG_LEVEL_INFO, "upgrade.done", "%s %s goes on", s->program->name, POPGATE_VERSION);
	shared_publish(s);
	supervisor_fill(s, clock_steady_ms());
	supervisor_tell(s, (int64_t)s->generation - 1, SIGHUP);
	storekeeper_renew(&s->keeper, &s->setup.site);
}

int supervisor_run(struct supervisor *s)
{
	int64_t now = clock_steady_ms();

	s->stats_ms = now + STATS_MS;
	s->turn_ms = now + TICKETS_LIFE_S * INT64_C(1000);
	supervisor_make_posts(s);
	log_loaded(s);
	sockets_report_unused(&s->sockets, &s->passed);
	if (s->upgraded)
		go_on(s);
	else
		begin(s);
	ready_say("READY=1");
	while (!s->stopping || supervisor_has_children(s)) {
		wait_for_signals(s);
		tick(s, clock_steady_ms());
	}
	log_stats(s);
	log_say(LOG_LEVEL_INFO, "daemon.stopped", "all sessions have ended");
	return 0;
}
