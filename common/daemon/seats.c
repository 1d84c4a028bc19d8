/* seats.c - who runs: children started for the posts of the current generation, and buried when they end.
 *
 * A seat is held by one living child and gives it its slot of the counters and its region of the
 * client counts. A post is what the current generation wants filled: a role and a slot. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/privilege.h"
#include "common/daemon/supervisor.h"

#define STEADY_MS 10000 /* who lived longer is replaced at once */
#define DELAY_MAX_MS 10000
#define KILLED_DELAY_MS 100

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
		.exe_fd = s->exe_fd,
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
	s->seats[seat] = (struct child){ .pid = pid,
		.role = p->role,
		.slot = p->slot,
		.generation = s->generation,
		.since_ms = now };
	p->seat = seat;
	p->filled = true;
	publish_seat(s, p, seat);
	log_started(s, p, seat);
}

void supervisor_fill(struct supervisor *s, int64_t now)
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

void supervisor_reap(struct supervisor *s, int64_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(s, pid, status, now);
}

bool supervisor_has_children(const struct supervisor *s)
{
	for (unsigned seat = 0; seat < SEATS; seat++)
		if (s->seats[seat].pid != 0)
			return true;
	return false;
}

bool supervisor_has_senders(const struct supervisor *s)
{
	for (unsigned seat = 0; seat < SEATS; seat++)
		if (s->seats[seat].pid != 0 && !s->seats[seat].role->delivers)
			return true;
	return false;
}

void supervisor_tell(struct supervisor *s, int64_t up_to, int signal_number)
{
	bool spare = signal_number == SIGTERM && supervisor_has_senders(s);

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

unsigned supervisor_seats_free(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned seat = 0; seat < SEATS; seat++)
		n += s->seats[seat].pid == 0;
	return n;
}

/* Only root becomes somebody else: a role that should, and cannot, reaches only what is ours. */
static void look_at_user(const struct supervisor *s, const struct role *r)
{
	const char *user = r->run_as(&s->setup.site);
	struct identity who;
	struct log_line l;

	if (geteuid() == 0 || identity_find(user, &who) != ERR_NONE || who.uid == geteuid())
		return;
	log_begin(&l, LOG_LEVEL_WARN, "worker.user");
	log_text(&l, "role", r->name);
	log_text(&l, "user", user);
	log_end(&l);
}

void supervisor_make_posts(struct supervisor *s)
{
	s->posts_n = 0;
	for (const struct role *r = s->program->roles; r->name != NULL; r++) {
		unsigned n = r->per_core ? s->setup.site.workers : 1;

		if (r->wanted != NULL && !r->wanted(s->setup.conf))
			continue;
		look_at_user(s, r);
		for (unsigned slot = 0; slot < n; slot++)
			s->posts[s->posts_n++] = (struct post){ .role = r, .slot = slot };
	}
}

/* --- after an upgrade --- */

/* A role that we do not have any more: such a child ends with its last session. */
static const struct role gone = { .name = "gone" };

static const struct role *role_of(const struct supervisor *s, const char *name)
{
	const struct role *r = s->program->roles;

	while (r->name != NULL && strcmp(r->name, name) != 0)
		r++;
	return r->name != NULL ? r : &gone;
}

static void take_seat(struct supervisor *s, const struct handon_child *c, int64_t now)
{
	s->seats[c->seat] = (struct child){ .pid = c->pid,
		.role = role_of(s, c->role),
		.slot = c->slot,
		.generation = c->generation,
		.since_ms = now,
		.told = c->told,
		.told_ms = now,
		.unwatched = !s->published };
}

void supervisor_take_in(struct supervisor *s, const struct handon *from, int64_t now)
{
	for (size_t i = 0; i < from->children_n; i++)
		take_seat(s, &from->children[i], now);
	s->generation = from->generation + 1;
	s->upgraded = true;
}
