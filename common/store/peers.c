/* peers.c - see peers.h. Rights go by the uid that the kernel vouches for (SO_PEERCRED), decided once a
 * connection. */
#include "common/store/peers.h"
#include "common/daemon/counters.h"
#include "common/store/tell.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 800
#define OF_USER_MAX \
	COUNTERS_SLOTS /* connections of one user: as many as a daemon has processes at most */
#define PER_TURN 256 /* requests taken from one peer before the next is looked at */
#define ANSWERS_MAX (1 << 20) /* octets of answers that may wait for a peer */

enum right {
	MAY_GRANT = 1,
	MAY_REVOKE = 2,
	MAY_LOSE = 4,
	MAY_FAIL = 8, /* and report uses */
	MAY_READ = 16, /* the history: who held which address is nobody's business but the desks' */
	MAY_WATCH = 32,
};

struct peer {
	int fd; /* -1: free */
	struct ucred who;
	unsigned rights;
	bool watches;
	uint32_t missed; /* events that it could not be told */
	struct buf answers; /* packets that did not fit the socket, each behind its length octet */
};

struct peers {
	int fd;
	char path[108];
	uid_t mail, gate; /* (uid_t)-1: no such user */
	gid_t group; /* (gid_t)-1 likewise */
	peers_asked *asked;
	void *owner; /* of asked */
	size_t ever; /* places that ever had a peer: no other is looked at, twice for each batch */
	struct peer at[PEERS_MAX];
};

/* --- who may what --- */

static uid_t uid_of(const char *user)
{
	const struct passwd *pw = user[0] != '\0' ? getpwnam(user) : NULL;

	return pw != NULL ? pw->pw_uid : (uid_t)-1;
}

static gid_t gid_of(const char *group)
{
	const struct group *gr = group[0] != '\0' ? getgrnam(group) : NULL;

	return gr != NULL ? gr->gr_gid : (gid_t)-1;
}

static bool in_group(int fd, const struct ucred *who, gid_t group)
{
	gid_t groups[256];
	socklen_t n = sizeof(groups);

	if (group == (gid_t)-1)
		return false;
	if (who->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) != 0)
		return false;
	for (size_t i = 0; i < n / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The daemons' users are members of the group as well, so they are looked at first. */
static unsigned rights_of(const struct peers *p, int fd, const struct ucred *who)
{
	if (who->uid == 0 || who->uid == geteuid())
		return MAY_GRANT | MAY_REVOKE | MAY_LOSE | MAY_FAIL | MAY_READ | MAY_WATCH;
	if (who->uid == p->mail)
		return MAY_GRANT | MAY_LOSE | MAY_FAIL;
	if (who->uid == p->gate)
		return MAY_FAIL;
	return in_group(fd, who, p->group) ? MAY_GRANT | MAY_REVOKE | MAY_READ | MAY_WATCH : 0;
}

static unsigned right_for(enum wire_kind kind)
{
	switch (kind) {
	case WIRE_GRANT: return MAY_GRANT;
	case WIRE_REVOKE: return MAY_REVOKE;
	case WIRE_LOST: return MAY_LOSE;
	case WIRE_FAILURE:
	case WIRE_USE: return MAY_FAIL;
	case WIRE_WHO:
	case WIRE_REPORT: return MAY_READ;
	case WIRE_WATCH: return MAY_WATCH;
	}
	return 0;
}

/* --- the socket --- */

static enum err bind_socket(struct peers *p)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memcpy(sa.sun_path, p->path, sizeof(sa.sun_path));
	p->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return err_of_errno(errno);
	(void)!unlink(p->path);
	if (bind(p->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 || chmod(p->path, 0660) != 0 ||
		listen(p->fd, 128) != 0)
		return err_of_errno(errno);
	if (p->group != (gid_t)-1)
		(void)!chown(p->path, (uid_t)-1, p->group);
	return ERR_NONE;
}

enum err peers_open(struct peers **out, const struct site *site, peers_asked *asked, void *owner)
{
	struct peers *p = calloc(1, sizeof(*p));
	enum err e;

	if (p == NULL)
		return ERR_NOMEM;
	p->fd = -1;
	p->asked = asked;
	p->owner = owner;
	p->mail = uid_of(site->run_as_mail);
	p->gate = uid_of(site->run_as_gate);
	p->group = gid_of(site->run_as_group);
	for (size_t i = 0; i < PEERS_MAX; i++)
		p->at[i].fd = -1;
	snprintf(p->path, sizeof(p->path), "%.80s/%s", site->run_dir, SITE_STORE_SOCKET);
	e = bind_socket(p);
	if (e == ERR_NONE)
		*out = p;
	else
		peers_close(&p);
	return e;
}

static void drop(struct peer *peer, const char *why)
{
	struct log_line l;

	if (why != NULL) {
		log_begin(&l, LOG_LEVEL_WARN, "store.refused");
		log_int(&l, "uid", peer->who.uid);
		log_int(&l, "peer", peer->who.pid);
		log_text(&l, "reason", why);
		log_end(&l);
	}
	close(peer->fd);
	peer->fd = -1;
	buf_free(&peer->answers);
}

void peers_close(struct peers **p)
{
	if (*p == NULL)
		return;
	for (size_t i = 0; i < PEERS_MAX; i++)
		if ((*p)->at[i].fd >= 0)
			drop(&(*p)->at[i], NULL);
	if ((*p)->fd >= 0) {
		close((*p)->fd);
		(void)!unlink((*p)->path);
	}
	free(*p);
	*p = NULL;
}

static struct peer *free_peer(struct peers *p)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (p->at[i].fd < 0)
			return &p->at[i];
	return NULL;
}

/* A daemon in other hands shall not keep the others, and whoever would stop it, from the store. */
static bool too_many(const struct peers *p, const struct ucred *who)
{
	size_t n = 0;

	for (size_t i = 0; i < PEERS_MAX; i++)
		n += p->at[i].fd >= 0 && p->at[i].who.uid == who->uid;
	return n > OF_USER_MAX && who->uid != 0 && who->uid != geteuid();
}

static void accept_peer(struct peers *p)
{
	int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *peer = free_peer(p);
	socklen_t n = sizeof(peer->who);

	if (fd < 0)
		return;
	if (peer == NULL) {
		log_say(LOG_LEVEL_WARN, "store.refused", "more than %d peers", PEERS_MAX);
		close(fd);
		return;
	}
	if (p->ever <= (size_t)(peer - p->at))
		p->ever = (size_t)(peer - p->at) + 1;
	peer->fd = fd;
	peer->watches = false;
	peer->missed = 0;
	buf_init(&peer->answers, ANSWERS_MAX);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer->who, &n) != 0)
		drop(peer, "no credentials");
	else if (too_many(p, &peer->who))
		drop(peer, "too many of one user");
	else
		peer->rights = rights_of(p, fd, &peer->who);
}

size_t peers_count(const struct peers *p)
{
	size_t n = 0;

	for (size_t i = 0; i < PEERS_MAX; i++)
		n += p->at[i].fd >= 0;
	return n;
}

/* --- requests --- */

/* One packet. False when there is no more to take from this peer now. */
static bool take_one(struct peers *p, struct peer *peer, struct pending *to)
{
	char packet[WIRE_MAX];
	ssize_t n = recv(peer->fd, packet, sizeof(packet), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		drop(peer, NULL);
		return false;
	}
	if (!wire_get_request((struct str){ packet, (size_t)n }, &to->request)) {
		drop(peer, "not a request");
		return false;
	}
	if ((right_for(to->request.kind) & peer->rights) == 0) {
		drop(peer, "not entitled to ask that");
		return false;
	}
	if (to->request.kind >= WIRE_WHO) { /* from now on its connection is another's */
		p->asked(p->owner, &to->request, peer->fd);
		drop(peer, NULL);
		return false;
	}
	to->peer = peer;
	return true;
}

static void send_waiting(struct peer *peer)
{
	while (peer->answers.len > 0) {
		struct str all = buf_str(&peer->answers);
		size_t n = (unsigned char)all.p[0];

		if (send(peer->fd, all.p + 1, n, MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN && errno != ENOBUFS)
				drop(peer, NULL);
			return;
		}
		buf_take(&peer->answers, n + 1);
	}
	buf_trim(&peer->answers);
}

/* Who does not read its answers is not read from. */
static size_t fill_polls(
	const struct peers *p, struct pollfd *polls, struct peer **whose, int signal_fd)
{
	size_t n = 2;

	polls[0] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
	for (size_t i = 0; i < p->ever; i++) {
		const struct peer *peer = &p->at[i];

		if (peer->fd < 0)
			continue;
		whose[n] = (struct peer *)(uintptr_t)peer;
		polls[n++] = (struct pollfd){ .fd = peer->fd,
			.events = peer->answers.len > 0 ? POLLOUT : POLLIN };
	}
	return n;
}

size_t peers_wait(struct peers *p, int signal_fd, int wait_ms, struct pending *batch, size_t max)
{
	struct pollfd polls[PEERS_MAX + 2];
	struct peer *whose[PEERS_MAX + 2];
	size_t n = fill_polls(p, polls, whose, signal_fd), got = 0;

	if (poll(polls, n, wait_ms) <= 0)
		return 0;
	/* First, so that nobody gets the place, and the answers, of a peer that hangs up below. */
	if ((polls[1].revents & POLLIN) != 0)
		accept_peer(p);
	for (size_t i = 2; i < n; i++) {
		if ((polls[i].revents & POLLOUT) != 0)
			send_waiting(whose[i]);
		else if (polls[i].revents != 0)
			for (size_t k = 0; k < PER_TURN && got < max; k++, got++)
				if (!take_one(p, whose[i], &batch[got]))
					break;
	}
	return got;
}

static void answer(struct peer *peer, const struct answer *a)
{
	uint8_t packet[WIRE_MAX];
	size_t n = wire_put_answer(a, packet);
	char length = (char)n;

	if (peer->answers.len == 0 && send(peer->fd, packet, n, MSG_NOSIGNAL) == (ssize_t)n)
		return;
	buf_add(&peer->answers, (struct str){ &length, 1 });
	buf_add(&peer->answers, (struct str){ (const char *)packet, n });
	if (peer->answers.broken)
		drop(peer, "it does not read its answers");
}

void peers_answer(struct peers *p, const struct pending *batch, size_t n)
{
	(void)p;
	for (size_t i = 0; i < n; i++) {
		struct peer *peer = batch[i].peer;
		bool watch = batch[i].request.kind == WIRE_WATCH;

		if (peer->fd >= 0 && (batch[i].request.kind < WIRE_LOST || watch))
			answer(peer, &batch[i].answer);
		peer->watches = peer->watches || watch;
	}
}

/* --- watching --- */

static bool send_notice(struct peer *peer, const struct notice *e)
{
	uint8_t packet[NOTICE_MAX];
	size_t n = notice_encode(e, packet);

	return peer->answers.len == 0 && send(peer->fd, packet, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void tell(struct peer *peer, const struct notice *e)
{
	const struct notice missed = {
		.kind = NOTICE_MISSED, .stamp_ms = e->stamp_ms, .count = peer->missed
	};

	if (peer->missed > 0 && send_notice(peer, &missed))
		peer->missed = 0;
	if (peer->missed > 0 || !send_notice(peer, e))
		peer->missed++;
}

void peers_tell(struct peers *p, const struct pending *batch, size_t n, int64_t now_ms)
{
	for (size_t i = 0; i < p->ever; i++) {
		struct notice e;

		if (p->at[i].fd < 0 || !p->at[i].watches)
			continue;
		for (size_t k = 0; k < n; k++)
			if (tell_notice(&batch[k], now_ms, &e))
				tell(&p->at[i], &e);
	}
}
