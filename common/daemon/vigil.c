/* vigil.c - do the children live? Each says so every second in the memory of the counters; one that does not, because
 * it hangs, or because somebody has stopped it, serves nobody and would keep what waits at its socket. */
#include <signal.h>

#include "common/daemon/ready.h"
#include "common/daemon/supervisor.h"

#define HUNG_MS 10000 /* without a sign of life */
#define SURE_MS 2000 /* and as long under our eyes: it may be we who slept */
#define ABORT_MS 2000 /* from SIGABRT to SIGKILL, which also who is stopped obeys */

static int64_t last_sign(const struct supervisor *s, unsigned seat)
{
	int64_t beat = counters_last_beat(s->counters, seat), since = s->seats[seat].since_ms;

	return beat > since ? beat : since;
}

static void end_hung(struct child *c, int64_t silent_ms)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "worker.hung");
	log_text(&l, "role", c->role->name);
	log_int(&l, "slot", c->slot);
	log_int(&l, "generation", c->generation);
	log_int(&l, "worker", c->pid);
	log_int(&l, "silent_ms", silent_ms);
	log_int(&l, "signal", c->aborted ? SIGKILL : SIGABRT);
	log_end(&l);
	kill(c->pid, c->aborted ? SIGKILL : SIGABRT);
	c->aborted = true;
}

static void look_at(struct supervisor *s, unsigned seat, int64_t now)
{
	struct child *c = &s->seats[seat];
	int64_t silent = now - last_sign(s, seat);

	if (silent < HUNG_MS) {
		c->silent_ms = 0;
	} else if (c->silent_ms == 0) {
		c->silent_ms = now;
	} else if (now - c->silent_ms >= (c->aborted ? ABORT_MS : SURE_MS)) {
		c->silent_ms = now;
		end_hung(c, silent);
	}
}

/* Somebody of the current generation takes connections. */
static bool serves(const struct supervisor *s, int64_t now)
{
	for (unsigned seat = 0; seat < SEATS; seat++) {
		const struct child *c = &s->seats[seat];

		if (c->pid != 0 && !c->told && c->role->listens &&
			counters_last_beat(s->counters, seat) >= c->since_ms &&
			now - counters_last_beat(s->counters, seat) < HUNG_MS)
			return true;
	}
	return false;
}

void vigil_keep(struct supervisor *s, int64_t now)
{
	int64_t period = ready_watchdog_ms();

	for (unsigned seat = 0; seat < SEATS; seat++)
		if (s->seats[seat].pid != 0 && !s->seats[seat].unwatched)
			look_at(s, seat, now);
	if (period == 0 || now < s->vigil_ms || !(s->stopping || serves(s, now)))
		return;
	s->vigil_ms = now + period / 3;
	ready_alive();
}
