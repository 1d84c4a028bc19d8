/* children.c - fork, clear the close-on-exec mark of what is handed over, become the role's user, exec. */
#include "common/daemon/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/daemon/kit_words.h"
#include "common/daemon/privilege.h"

#define WORDS_MAX 8192 /* octets of POPGATE_KIT */

/* Names a descriptor in words and lets it live through exec(). */
static void hand(struct buf *words, const char *name, int fd)
{
	if (fd < 0)
		return;
	fcntl(fd, F_SETFD, 0);
	buf_printf(words, "%s%s=%d", words->len > 0 ? " " : "", name, fd);
}

/* With more sockets than workers (fewer cores than before the last reload) some workers get several. */
static void hand_sockets(struct buf *words, const struct handover *h, unsigned slot)
{
	const char *before = " " KIT_LISTEN "=";
	int fd;

	for (size_t i = 0; i < h->sockets->n; i++) {
		const struct socket_group *g = &h->sockets->at[i];

		for (unsigned k = 0; (fd = sockets_of_slot(g, slot, h->workers, k)) >= 0; k++) {
			fcntl(fd, F_SETFD, 0);
			buf_printf(words, "%s%d:%zu:%d", before, fd, i, h->tls[i]);
			before = ",";
		}
	}
}

static bool set_environment(const struct handover *h, const struct role *role, unsigned slot)
{
	struct buf words;
	bool done;

	buf_init(&words, WORDS_MAX);
	hand(&words, KIT_CONF, h->conf);
	hand(&words, KIT_COUNTERS, h->counters);
	hand(&words, KIT_CLIENTS, h->clients);
	hand(&words, KIT_VERIFIED_FD, h->verified);
	hand(&words, KIT_ALIVE, h->alive);
	hand(&words, KIT_DELIVER, role->delivers ? h->deliver_receive : h->deliver_send);
	if (role->listens) {
		hand(&words, KIT_MATERIAL, h->material);
		hand(&words, KIT_TICKETS, h->tickets);
		hand_sockets(&words, h, slot);
	}
	buf_add(&words, (struct str){ "", 1 });
	done = !words.broken && setenv(KIT_ENVIRONMENT, buf_str(&words).p, 1) == 0;
	buf_free(&words);
	return done;
}

_Noreturn static void become_child(
	const struct handover *h, const struct role *role, unsigned slot, unsigned seat)
{
	char word[64];
	sigset_t none;
	enum err e;

	snprintf(word, sizeof(word), "%s:%u:%u:%u", role->name, slot, h->generation, seat);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!set_environment(h, role, slot))
		_exit(125);
	e = privilege_drop(role->run_as(h->site), h->site->run_as_group);
	if (e != ERR_NONE) {
		log_say(LOG_LEVEL_ERROR, "worker.failed", "cannot become user \"%s\": %s",
			role->run_as(h->site), err_text(e));
		_exit(126);
	}
	fexecve(h->exe_fd, (char *[]){ (char *)(uintptr_t)h->exe, "--child", word, NULL }, environ);
	_exit(127);
}

enum err child_start(
	const struct handover *h, const struct role *role, unsigned slot, unsigned seat, pid_t *pid)
{
	pid_t child = fork();

	if (child < 0)
		return err_of_errno(errno);
	if (child == 0)
		become_child(h, role, slot, seat);
	*pid = child;
	return ERR_NONE;
}
