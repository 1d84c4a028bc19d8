/* main.c - the start of every daemon: options, config, what is shared, then supervisor or child. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "common/daemon/limits.h"
#include "common/daemon/privilege.h"
#include "common/daemon/steady.h"
#include "common/daemon/supervisor.h"

#define DEFAULT_CONF "/etc/popgate/popgate.conf"

struct options {
	const char *conf_path;
	const char *child; /* NULL: the supervisor */
	bool test, store_is_run; /* by the service manager */
};

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s [-StV] [-c file]\n", program);
	return 2;
}

/* Reads the options; a negative result means to go on, any other is the exit code. */
static int read_options(int argc, char **argv, const char *program, struct options *o)
{
	static const struct option longs[] = { { "child", required_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "c:StV", longs, NULL)) != -1) {
		switch (c) {
		case 'c': o->conf_path = optarg; break;
		case 'C': o->child = optarg; break;
		case 'S': o->store_is_run = true; break;
		case 't': o->test = true; break;
		case 'V': printf("%s %s\n", program, POPGATE_VERSION); return 0;
		default: return usage(program);
		}
	}
	return optind == argc ? -1 : usage(program);
}

static const struct role *role_named(const struct program *program, const char *name)
{
	for (const struct role *r = program->roles; r->name != NULL; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static int run_child(const struct program *program, const char *word)
{
	const struct role *role;
	struct kit kit;
	enum err e = kit_open(&kit, word, program->counters);
	int code = 1;

	if (e != ERR_NONE) {
		fprintf(stderr, "%s: a child without its kit: %s\n", program->name, err_text(e));
		return 1;
	}
	site_open_log(&kit.site, program->name);
	role = role_named(program, kit.role);
	if (role != NULL)
		code = role->run(&kit);
	kit_close(&kit);
	return code;
}

/* The store lies beside us in a build tree, and in libexec when installed. */
static void find_programs(struct supervisor *s)
{
	ssize_t n = readlink("/proc/self/exe", s->exe, sizeof(s->exe) - 1);
	char *slash;

	s->exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(s->exe, '/');
	snprintf(s->store, sizeof(s->store), "%.*s/../common/store/popgate-store",
		slash != NULL ? (int)(slash - s->exe) : 0, s->exe);
	if (access(s->store, X_OK) != 0)
		snprintf(s->store, sizeof(s->store), "%s/popgate-store", POPGATE_LIBEXECDIR);
	s->keeper.program = s->store;
	s->keeper.conf_path = s->conf_path;
}

static enum err check_users(const struct supervisor *s)
{
	for (const struct role *r = s->program->roles; r->name != NULL; r++) {
		const char *user = r->run_as(&s->setup.site);
		struct identity who;

		if (geteuid() != 0 || user[0] == '\0' || identity_find(user, &who) == ERR_NONE)
			continue;
		fprintf(stderr, "%s: there is no user \"%s\" to run as (run_as in %s)\n",
			s->program->name, user, s->conf_path);
		return ERR_ABSENT;
	}
	return ERR_NONE;
}

static enum err block_signals(struct supervisor *s)
{
	static const int wanted[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0 ? ERR_NONE : err_of_errno(errno);
}

/* Without a steady key of the host's, salts are steady until we end, which is worth a word and no more. */
static void put_steady(const struct supervisor *s, char *to)
{
	enum err e = steady_key(s->setup.site.state_dir, to);

	if (e != ERR_NONE)
		fprintf(stderr, "%s: %s/" STEADY_FILE ": %s; salts will change at the next start\n",
			s->program->name, s->setup.site.state_dir, err_text(e));
}

/* For accounts, to be the same for all workers until we end. */
static enum err make_verified(struct supervisor *s)
{
	char key[KIT_KEY];
	int memory = memfd_create("popgate-verified", MFD_CLOEXEC);
	enum err e = ERR_NONE;

	secret_random(key, sizeof(key));
	put_steady(s, key + KIT_STEADY);
	if (memory < 0 || ftruncate(memory, KIT_VERIFIED) != 0 ||
		pwrite(memory, key, sizeof(key), 0) != (ssize_t)sizeof(key))
		e = err_of_errno(errno);
	explicit_bzero(key, sizeof(key));
	if (e == ERR_NONE)
		s->verified_fd = memory;
	else if (memory >= 0)
		close(memory);
	return e;
}

static enum err make_shared(struct supervisor *s)
{
	enum err e = block_signals(s);

	if (e == ERR_NONE)
		e = counters_make(&s->counters, s->program->counters, &s->counters_fd);
	if (e == ERR_NONE)
		e = clients_make(&s->clients, SEATS, CLIENTS_PER_PROCESS, &s->clients_fd);
	if (e == ERR_NONE)
		e = tickets_make(&s->tickets, &s->tickets_fd);
	if (e == ERR_NONE)
		e = make_verified(s);
	if (e == ERR_NONE && pipe2(s->alive, O_CLOEXEC) != 0)
		e = err_of_errno(errno);
	if (e == ERR_NONE &&
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s->deliver) !=
			0)
		e = err_of_errno(errno);
	return e;
}

static void free_shared(struct supervisor *s)
{
	const int fds[] = { s->signals, s->counters_fd, s->clients_fd, s->tickets_fd,
		s->verified_fd, s->alive[0], s->alive[1], s->deliver[0], s->deliver[1] };

	counters_close(&s->counters);
	clients_close(&s->clients);
	tickets_close(&s->tickets);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	sockets_close(&s->sockets, NULL);
	setup_free(&s->setup);
}

static int run_supervisor(struct supervisor *s)
{
	struct sockets none = { 0 };
	size_t failed = 0;
	char text[ENDPOINT_TEXT];
	enum err e = make_shared(s);

	if (e != ERR_NONE) {
		fprintf(stderr, "%s: cannot start: %s\n", s->program->name, err_text(e));
		return 1;
	}
	e = sockets_open(&s->sockets, &none, &s->setup.listeners, s->setup.site.workers, &failed);
	if (e != ERR_NONE) {
		fprintf(stderr, "%s: cannot listen on %s: %s\n", s->program->name,
			endpoint_format(s->setup.listeners.at[failed], text), err_text(e));
		return 1;
	}
	site_open_log(&s->setup.site, s->program->name);
	limits_raise();
	return supervisor_run(s);
}

static int supervise(const struct program *program, const struct options *o)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	struct buf complaints;
	int code = EXIT_CONFIG;

	if (s == NULL)
		return 1;
	s->program = program;
	s->conf_path = o->conf_path;
	s->keeper.others = o->store_is_run;
	s->signals = s->counters_fd = s->clients_fd = s->tickets_fd = s->verified_fd = -1;
	s->setup.memory = s->setup.material = -1;
	s->alive[0] = s->alive[1] = s->deliver[0] = s->deliver[1] = -1;
	buf_init(&complaints, 1 << 16);
	if (setup_read(&s->setup, program, o->conf_path, &complaints) != ERR_NONE) {
		fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	} else if (o->test) {
		printf("%s: %s is fine\n", program->name, o->conf_path);
		code = 0;
	} else {
		find_programs(s);
		code = check_users(s) == ERR_NONE ? run_supervisor(s) : EXIT_CONFIG;
	}
	buf_free(&complaints);
	free_shared(s);
	free(s);
	return code;
}

int supervise_main(int argc, char **argv, const struct program *program)
{
	struct options o = { .conf_path = DEFAULT_CONF };
	int code = read_options(argc, argv, program->name, &o);

	log_keep_fds();
	if (code >= 0)
		return code;
	return o.child != NULL ? run_child(program, o.child) : supervise(program, &o);
}
