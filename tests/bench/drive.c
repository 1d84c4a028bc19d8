#include "tests/bench/drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 256

struct slot { /* one session at a time */
	struct client *client; /* owned; NULL: free */
	int64_t due_us;
	unsigned before; /* sessions it has had */
	struct slot *next; /* free slots */
};

struct run {
	struct common *common;
	const struct plan *plan;
	struct result *result;
	int epoll;
	struct slot *slots, *free; /* plan->at of them, owned */
	unsigned begun, live, held;
	int64_t start_us;
};

static unsigned over(const struct run *r)
{
	return r->result->done + r->result->failed + r->held;
}

static void end(struct run *r, struct slot *s, bool good)
{
	if (good) {
		histogram_add(&r->result->whole, client_now_us() - s->due_us);
		r->result->done++;
	} else {
		r->result->failed++;
	}
	if (s->client != NULL)
		client_close(&s->client); /* closing takes it out of epoll, too */
	s->next = r->free;
	r->free = s;
	r->live--;
}

static void watch(struct run *r, struct slot *s, int how, enum wish w)
{
	struct epoll_event e = { .data.ptr = s };

	e.events = w == WISH_WRITE ? EPOLLOUT : EPOLLIN;
	if (epoll_ctl(r->epoll, how, client_fd(s->client), &e) != 0)
		end(r, s, false);
}

static void go(struct run *r, struct slot *s, int how)
{
	enum wish w = client_go(s->client);

	if (w == WISH_DONE || w == WISH_WRONG) {
		end(r, s, w == WISH_DONE);
	} else if (w != WISH_HOLD) {
		watch(r, s, how, w);
	} else {
		r->held++;
		if (how == EPOLL_CTL_MOD)
			epoll_ctl(r->epoll, EPOLL_CTL_DEL, client_fd(s->client), NULL);
	}
}

/* Whose session n is. When all subscribers have had their turn, each slot goes on with subscribers that no
 * other slot has: else one that is late would find its maildrop locked by the next. */
static unsigned user_of(const struct run *r, const struct slot *s, unsigned n)
{
	const struct plan *p = r->plan;
	unsigned shared;

	if (p->users == 0)
		return 0;
	if (p->users < p->at || (uint64_t)p->first + p->total <= p->users)
		return n % p->users;
	shared = p->users - p->users % p->at;
	return (unsigned)(((uint64_t)(s - r->slots) + (uint64_t)p->at * s->before) % shared);
}

static void begin(struct run *r, int64_t due_us)
{
	struct slot *s = r->free;
	unsigned n = r->plan->first + r->begun++;

	r->free = s->next;
	r->live++;
	s->due_us = due_us;
	s->client = client_open(r->common, n, user_of(r, s, n));
	s->before++;
	if (s->client == NULL)
		end(r, s, false);
	else
		watch(r, s, EPOLL_CTL_ADD, WISH_WRITE); /* it is connected when it may write */
}

/* When session n is due, if sessions are begun at a rate. */
static int64_t due(const struct run *r, unsigned n)
{
	return r->start_us + (int64_t)n * 1000000 / r->plan->rate;
}

static bool may_begin(const struct run *r)
{
	return r->begun < r->plan->total && r->free != NULL &&
		(r->plan->opening == 0 || r->live - r->held < r->plan->opening);
}

/* Begins what may begin now; for how many microseconds there is nothing more to begin. */
static int64_t begin_all(struct run *r)
{
	int64_t now = client_now_us(), next;

	while (may_begin(r)) {
		next = r->plan->rate > 0 ? due(r, r->begun) : now;
		if (next > now)
			return next - now;
		begin(r, next);
	}
	return 1000000;
}

static void turn(struct run *r)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t us = begin_all(r);
	struct timespec wait = { us / 1000000, us % 1000000 * 1000 };
	int n = epoll_pwait2(r->epoll, events, EVENTS_MAX, &wait, NULL);

	for (int i = 0; i < n; i++) {
		struct slot *s = events[i].data.ptr;

		go(r, s, EPOLL_CTL_MOD);
	}
}

/* Too late: whatever has not ended has failed. */
static void give_up(struct run *r)
{
	fprintf(stderr, "hammer: %u of %u not over within %u s\n", r->plan->total - over(r),
		r->plan->total, r->plan->limit_s);
	for (unsigned i = 0; i < r->plan->at; i++)
		if (r->slots[i].client != NULL)
			client_wrong(r->slots[i].client, "waits");
	r->result->failed = r->plan->total - r->result->done;
}

/* Says that all are held, and keeps them until standard input ends. */
static void hold(struct run *r)
{
	char piece[64];

	printf("held=%u\n", r->held);
	fflush(stdout);
	while (read(STDIN_FILENO, piece, sizeof(piece)) > 0)
		;
	for (unsigned i = 0; i < r->plan->at; i++)
		if (r->slots[i].client != NULL)
			end(r, &r->slots[i], client_is_held(r->slots[i].client));
}

static bool set_up(struct run *r)
{
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->slots = calloc(r->plan->at, sizeof(*r->slots));
	if (r->epoll < 0 || r->slots == NULL)
		return false;
	for (unsigned i = 0; i < r->plan->at; i++) {
		r->slots[i].next = r->free;
		r->free = &r->slots[i];
	}
	return true;
}

bool drive(struct common *c, struct result *result)
{
	struct run r = { .common = c, .plan = c->plan, .result = result };
	int64_t limit;

	if (!set_up(&r))
		return false;
	r.start_us = client_now_us();
	limit = r.start_us + (int64_t)r.plan->limit_s * 1000000;
	while (over(&r) < r.plan->total && client_now_us() < limit)
		turn(&r);
	result->seconds = (double)(client_now_us() - r.start_us) / 1e6;
	if (over(&r) < r.plan->total)
		give_up(&r);
	else if (r.held > 0)
		hold(&r);
	for (unsigned i = 0; i < r.plan->at; i++)
		if (r.slots[i].client != NULL)
			client_close(&r.slots[i].client);
	free(r.slots);
	close(r.epoll);
	return true;
}
