/* supervise.c - the supervisor's one loop: a signal came, or a second has passed.
 *
 * A seat is held by one living child and gives it its slot of the counters and its region of the
 * client counts. A post is what the current generation wants filled: a role and a slot. */
#include "common/daemon/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/children.h"
#include "common/daemon/privilege.h"
#include "common/daemon/ready.h"
#include "common/daemon/startup.h"
#include "common/daemon/storekeeper.h"
#include "common/daemon/supervisor.h"

#define TICK_MS 500
#define STATS_MS 60000
#define STEADY_MS 10000 /* who lived longer is replaced at once */
#define DELAY_MAX_MS 10000
#define KILLED_DELAY_MS 100
#define GRACE_MS 3000 /* beyond drain_ms, for farewells and a maildrop's update */
#define DRAINING_MAX 2 /* old generations at a time */

static unsigned free_seat(const struct supervisor *s)
{
	unsigned seat = 0;

	while (seat < SEATS && s->seats[seat].pid != 0)
		seat++;
	return seat;
}

static void log_started(const struct supervisor *s, const struct post *p, unsigned seat)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_DEBUG, "worker.started");
	log_text(&l, "role", p->role->name);
	log_int(&l, "slot", p->slot);
	log_int(&l, "generation", s->generation);
	log_int(&l, "worker", s->seats[seat].pid);
	log_end(&l);
}

static void publish_seat(struct supervisor *s, const struct post *p, unsigned seat)
{
	struct counters_seat who = { .pid = s->seats[seat].pid,
		.slot = p->slot,
		.generation = s->generation,
		.since_ms = clock_ms() };

	snprintf(who.role, sizeof(who.role), "%s", p->role->name);
	counters_seat(s->counters, seat, &who);
}

static void fill_post(struct supervisor *s, struct post *p, int64_t now)
{
	unsigned seat = free_seat(s);
	const struct handover h = { .exe = s->exe,
		.site = &s->setup.site,
		.sockets = &s->sockets,
		.tls = s->setup.listeners.tls,
		.workers = s->setup.site.workers,
		.generation = s->generation,
		.conf = s->setup.memory,
		.counters = s->counters_fd,
		.clients = s->clients_fd,
		.material = s->setup.material,
		.tickets = s->tickets_fd,
		.verified = s->verified_fd,
		.alive = s->alive[0],
		.deliver_send = s->deliver[0],
		.deliver_receive = s->deliver[1] };
	enum err e = ERR_LIMIT;
	pid_t pid;

	if (seat < SEATS)
		e = child_start(&h, p->role, p->slot, seat, &pid);
	if (e != ERR_NONE) {
		log_say(LOG_LEVEL_ERROR, "worker.failed", "cannot start %s %u: %s", p->role->name,
			p->slot, err_text(e));
		p->start_ms = now + 1000;
		return;
	}
	s->seats[seat] = (struct child){ pid, p->role, p->slot, s->generation, now, false, 0 };
	p->seat = seat;
	p->filled = true;
	publish_seat(s, p, seat);
	log_started(s, p, seat);
}

static void fill_posts(struct supervisor *s, int64_t now)
{
	for (size_t i = 0; i < s->posts_n; i++)
		if (!s->posts[i].filled && now >= s->posts[i].start_ms)
			fill_post(s, &s->posts[i], now);
}

static void log_death(const struct child *c, int status, int64_t lived)
{
	struct log_line l;

	log_begin(&l, c->told ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
		c->told ? "worker.ended" : "worker.died");
	log_text(&l, "role", c->role->name);
	log_int(&l, "slot", c->slot);
	log_int(&l, "generation", c->generation);
	log_int(&l, "worker", c->pid);
	if (WIFSIGNALED(status))
		log_int(&l, "signal", WTERMSIG(status));
	else
		log_int(&l, "status", WEXITSTATUS(status));
	log_int(&l, "lived_ms", lived);
	log_end(&l);
}

/* Later and later. Whom somebody killed need not wait as long as who ends by himself: that is no fault that he
 * would repeat, but it may be the kernel, for want of memory. */
static int64_t restart_delay(unsigned failures, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	int64_t max = killed ? KILLED_DELAY_MS : DELAY_MAX_MS, delay;

	if (failures <= FREE_RESTARTS)
		return 0;
	failures -= FREE_RESTARTS;
	delay = INT64_C(50) << (failures < 8 ? failures : 8);
	return delay < max ? delay : max;
}

static void log_delay(const struct post *p, int64_t delay)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "worker.delayed");
	log_text(&l, "role", p->role->name);
	log_int(&l, "slot", p->slot);
	log_int(&l, "deaths", p->failures);
	log_int(&l, "wait_ms", delay);
	log_end(&l);
}

/* At once after a long life: else a worker that crashes at its first step would become a fork bomb. */
static void vacate(struct supervisor *s, unsigned seat, int status, int64_t now, int64_t lived)
{
	for (size_t i = 0; i < s->posts_n; i++) {
		struct post *p = &s->posts[i];
		int64_t delay;

		if (!p->filled || p->seat != seat)
			continue;
		p->filled = false;
		p->failures = lived >= STEADY_MS ? 0 : p->failures + 1;
		delay = restart_delay(p->failures, status);
		p->start_ms = now + delay;
		if (delay == DELAY_MAX_MS)
			log_delay(p, delay);
	}
}

static void bury(struct supervisor *s, pid_t pid, int status, int64_t now)
{
	for (unsigned seat = 0; seat < SEATS; seat++) {
		struct child *c = &s->seats[seat];

		if (c->pid != pid)
			continue;
		log_death(c, status, now - c->since_ms);
		counters_bury(s->counters, seat);
		clients_bury(s->clients, seat);
		vacate(s, seat, status, now, now - c->since_ms);
		c->pid = 0;
	}
}

static void reap(struct supervisor *s, int64_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(s, pid, status, now);
}

static bool anybody_left(const struct supervisor *s)
{
	for (unsigned seat = 0; seat < SEATS; seat++)
		if (s->seats[seat].pid != 0)
			return true;
	return false;
}

/* Somebody lives who may still have mail for the deliver role. */
static bool senders_left(const struct supervisor *s)
{
	for (unsigned seat = 0; seat < SEATS; seat++)
		if (s->seats[seat].pid != 0 && !s->seats[seat].role->delivers)
			return true;
	return false;
}

/* Tells every child of a generation up to that one. Who delivers is not drained before those who send to
 * it are gone. */
static void tell(struct supervisor *s, int64_t up_to, int signal_number)
{
	bool spare = signal_number == SIGTERM && senders_left(s);

	for (unsigned seat = 0; seat < SEATS; seat++) {
		struct child *c = &s->seats[seat];

		if (c->pid == 0 || c->generation > up_to || (spare && c->role->delivers))
			continue;
		if (!c->told)
			c->told_ms = clock_steady_ms();
		c->told = true;
		counters_draining(s->counters, seat);
		kill(c->pid, signal_number);
	}
}

static unsigned seats_free(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned seat = 0; seat < SEATS; seat++)
		n += s->seats[seat].pid == 0;
	return n;
}

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
	if (seats_free(s) >= children_of(s, setup))
		return ERR_NONE;
	conf_complain(conf_root(setup->conf), NULL, complaints,
		"too many workers of earlier configs still drain: reload again later");
	return ERR_BUSY;
}

static void make_posts(struct supervisor *s)
{
	s->posts_n = 0;
	for (const struct role *r = s->program->roles; r->name != NULL; r++) {
		unsigned n = r->per_core ? s->setup.site.workers : 1;

		if (r->wanted != NULL && !r->wanted(s->setup.conf))
			continue;
		for (unsigned slot = 0; slot < n; slot++)
			s->posts[s->posts_n++] = (struct post){ .role = r, .slot = slot };
	}
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
	size_t failed = 0;
	enum err e =
		sockets_open(out, &s->sockets, &setup->listeners, setup->site.workers, &failed);

	if (e != ERR_NONE) {
		char text[ENDPOINT_TEXT];
		struct conf_section d = conf_section(conf_root(setup->conf), s->program->name, 0);

		conf_complain(conf_section(d, "listener", failed), NULL, complaints,
			"listener \"%s\": cannot listen there: %s",
			endpoint_format(setup->listeners.at[failed], text), err_text(e));
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
	make_posts(s);
	site_open_log(&s->setup.site, s->program->name);
	log_loaded(s);
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
		fill_posts(s, now);
		tell(s, (int64_t)s->generation - 1, SIGHUP);
	} else {
		supervisor_log_complaints(&complaints);
		log_say(LOG_LEVEL_ERROR, "config.kept", "the config in use stays");
	}
	buf_free(&complaints);
	ready_say("READY=1");
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
	tell(s, s->generation, at_once ? SIGKILL : SIGTERM);
}

static void on_signal(struct supervisor *s, int number, int64_t now)
{
	switch (number) {
	case SIGCHLD: reap(s, now); break;
	case SIGHUP:
		if (!s->stopping)
			reload(s, now);
		break;
	case SIGUSR1: log_stats(s); break;
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
	reap(s, now);
	log_tick(now);
	if (s->stopping) {
		if (now >= s->kill_ms)
			tell(s, s->generation, SIGKILL);
		else if (!senders_left(s))
			tell(s, s->generation, SIGTERM);
		return;
	}
	fill_posts(s, now);
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

/* The store has made the directory by now. Without a file nothing is lost but the command line's look at
 * it. */
static void publish(struct supervisor *s)
{
	gid_t group = (gid_t)-1;
	enum err e = ERR_NONE;

	if (geteuid() == 0 && s->setup.site.run_as_group[0] != '\0')
		e = group_find(s->setup.site.run_as_group, &group);
	if (e == ERR_NONE)
		e = counters_publish(s->counters, s->setup.site.run_dir, s->program->name, group,
			&s->counters_fd);
	if (e != ERR_NONE)
		log_say(LOG_LEVEL_WARN, "counters.hidden", "popgate stats will not see them: %s",
			err_text(e));
}

int supervisor_run(struct supervisor *s)
{
	int64_t now = clock_steady_ms();

	s->stats_ms = now + STATS_MS;
	s->turn_ms = now + TICKETS_LIFE_S * INT64_C(1000);
	make_posts(s);
	log_loaded(s);
	storekeeper_look(&s->keeper, &s->setup.site, now);
	if (!storekeeper_wait(&s->setup.site, 3000))
		log_say(LOG_LEVEL_ERROR, "store.failed",
			"the store does not answer; going on without it");
	publish(s);
	fill_posts(s, clock_steady_ms());
	ready_say("READY=1");
	while (!s->stopping || anybody_left(s)) {
		wait_for_signals(s);
		tick(s, clock_steady_ms());
	}
	log_stats(s);
	log_say(LOG_LEVEL_INFO, "daemon.stopped", "all sessions have ended");
	return 0;
}
