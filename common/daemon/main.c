/* main.c - the start of every daemon: options, config, what is shared, then supervisor or child. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/limits.h"
#include "common/daemon/privilege.h"
#include "common/daemon/sandbox.h"
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

	prctl(PR_SET_NAME, program->name); /* it is the number of a descriptor, see children.c */
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

	s->exe_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
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

static void say_cannot_listen(const struct supervisor *s, size_t failed, enum err e)
{
	char text[ENDPOINT_TEXT];

	fprintf(stderr, "%s: cannot listen on %s: %s%s\n", s->program->name,
		endpoint_format(s->setup.listeners.at[failed], text), err_text(e),
		s->passed.n > 0 ? "; it is not among the sockets that the service manager passed"
				: "");
}

/* What the service manager passed, or what is left of the program that we were. */
static void take_sockets(struct supervisor *s, struct sockets *old, const struct handon *from)
{
	if (from == NULL) {
		passed_take(&s->passed);
		return;
	}
	for (size_t i = 0; i < from->passed_n; i++)
		if (!passed_add(&s->passed, from->passed[i]))
			close(from->passed[i]);
	for (size_t i = 0; i < from->own_n; i++)
		if (!sockets_add(old, from->own[i]))
			close(from->own[i]);
}

static enum err open_sockets(struct supervisor *s, const struct handon *from)
{
	struct sockets old = { 0 };
	size_t failed = 0;
	enum err e;

	take_sockets(s, &old, from);
	e = sockets_open(&s->sockets,
		&(struct sockets_source){ &old, &s->passed, s->setup.site.workers },
		&s->setup.listeners, &failed);
	if (e == ERR_NONE)
		sockets_close(&old, &s->sockets);
	else
		say_cannot_listen(s, failed, e);
	return e;
}

/* For an upgrade, in the trial of the new program: where nobody listens yet, could we? */
static enum err try_sockets(struct supervisor *s, const struct handon *from)
{
	struct sockets old = { 0 };
	size_t failed = 0;
	enum err e;

	take_sockets(s, &old, from);
	e = sockets_try(&(struct sockets_source){ &old, &s->passed, s->setup.site.workers },
		&s->setup.listeners, &failed);
	if (e != ERR_NONE)
		say_cannot_listen(s, failed, e);
	return e;
}

static int test(struct supervisor *s, const struct handon *from)
{
	if (from != NULL && (check_users(s) != ERR_NONE || try_sockets(s, from) != ERR_NONE))
		return EXIT_CONFIG;
	printf("%s: %s is fine\n", s->program->name, s->conf_path);
	return 0;
}

static int run_supervisor(struct supervisor *s, const struct handon *from)
{
	enum err e = shared_make(s, from);

	if (e != ERR_NONE) {
		fprintf(stderr, "%s: cannot start: %s\n", s->program->name, err_text(e));
		return 1;
	}
	site_open_log(&s->setup.site, s->program->name);
	if (open_sockets(s, from) != ERR_NONE)
		return 1;
	if (from != NULL)
		supervisor_take_in(s, from, clock_steady_ms());
	limits_raise();
	return supervisor_run(s);
}

/* Of an upgrade; NULL: this is a start. */
static struct handon *what_was_left(void)
{
	const char *words = getenv(HANDON_ENVIRONMENT);
	struct handon *h = words != NULL ? malloc(sizeof(*h)) : NULL;

	if (h != NULL && !handon_read(str_of(words), h)) {
		free(h);
		h = NULL;
	}
	unsetenv(HANDON_ENVIRONMENT);
	return h;
}

static struct supervisor *new_supervisor(
	const struct program *program, const struct options *o, char **argv)
{
	struct supervisor *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->program = program;
	s->conf_path = o->conf_path;
	s->argv = argv;
	s->keeper.others = o->store_is_run;
	s->signals = s->counters_fd = s->clients_fd = s->tickets_fd = s->verified_fd = s->exe_fd =
		-1;
	s->setup.memory = s->setup.material = -1;
	s->alive[0] = s->alive[1] = s->deliver[0] = s->deliver[1] = -1;
	return s;
}

static int supervise(const struct program *program, const struct options *o, char **argv)
{
	struct supervisor *s = new_supervisor(program, o, argv);
	struct handon *from = what_was_left();
	struct buf complaints;
	int code = EXIT_CONFIG;

	if (s == NULL)
		return 1;
	buf_init(&complaints, 1 << 16);
	if (setup_read(&s->setup, program, o->conf_path, &complaints) != ERR_NONE) {
		fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	} else if (o->test) {
		code = test(s, from);
	} else {
		find_programs(s);
		code = check_users(s) == ERR_NONE ? run_supervisor(s, from) : EXIT_CONFIG;
	}
	buf_free(&complaints);
	free(from);
	shared_free(s);
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
	sandbox_hide(); /* keys of certificates, of tickets and of accounts are to come */
	return o.child != NULL ? run_child(program, o.child) : supervise(program, &o, argv);
}
