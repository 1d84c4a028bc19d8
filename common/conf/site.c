/* site.c - options into a struct, and what they must not say together. */
#include "common/conf/site.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf/value.h"

static const char *own_name(void)
{
	static char name[256]; /* the host's, the same for the life of the process */

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return "localhost";
	return name;
}

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

static void read_window(struct site *s, struct conf_section w, struct buf *complaints)
{
	struct window_settings *to = &s->window;

	to->lifetime_ms = conf_ms(w, "lifetime");
	to->slack_ms = to->lifetime_ms / 4;
	if (!str_eq(conf_text(w, "slack"), STR("auto")) &&
		!value_duration(conf_text(w, "slack"), &to->slack_ms))
		conf_complain(w, "slack", complaints, "slack: \"auto\" or a duration is wanted");
	to->ipv4_prefix = conf_number(w, "ipv4_prefix");
	to->ipv6_prefix = conf_number(w, "ipv6_prefix");
	to->max_size = conf_size(w, "max_size");
	if (to->lifetime_ms < 1000)
		conf_complain(w, "lifetime", complaints, "lifetime: at least 1s");
	if (to->max_size < (UINT64_C(1) << 20))
		conf_complain(w, "max_size", complaints, "max_size: at least 1M");
	sharing_read(&s->sharing, w, complaints);
}

static void read_history(struct site *s, struct conf_section h, struct buf *complaints)
{
	s->history.keep_ms = conf_ms(h, "keep");
	s->history.counts_ms = conf_ms(h, "keep_counts");
	s->history.max_size = conf_size(h, "max_size");
	if (s->history.keep_ms > 0 && s->history.keep_ms < 1000)
		conf_complain(h, "keep", complaints, "history keep: at least 1s, or 0 for none");
	if (s->history.counts_ms < 24 * INT64_C(3600000))
		conf_complain(h, "keep_counts", complaints, "history keep_counts: at least 1d");
	if (s->history.max_size < (UINT64_C(1) << 20))
		conf_complain(h, "max_size", complaints, "history max_size: at least 1M");
}

static void read_penalty(struct site *s, struct conf_section p, struct buf *complaints)
{
	s->penalty.free = conf_number(p, "free");
	s->penalty.max_ms = conf_ms(p, "max");
	s->penalty.decay_ms = conf_ms(p, "decay");
	if (s->penalty.max_ms > 60000)
		conf_complain(p, "max", complaints, "penalty max: 60s at most");
	if (s->penalty.decay_ms < 1000)
		conf_complain(p, "decay", complaints, "penalty decay: at least 1s");
}

static void read_users(struct site *s, struct conf_section root, struct buf *complaints)
{
	struct conf_section u;

	if (conf_sections(root, "users") != 1) {
		conf_complain(root, NULL, complaints,
			"one users \"passwd-file\" { path = ... } is wanted");
		return;
	}
	u = conf_section(root, "users", 0);
	s->users_path = conf_cstr(u, "path");
	if (!str_eq(conf_title(u), STR("passwd-file")))
		conf_complain(u, NULL, complaints,
			"users \"%.100s\": only \"passwd-file\" is known", conf_title(u).p);
	else if (s->users_path[0] != '/')
		conf_complain(u, "path", complaints, "users path: an absolute path is wanted");
}

static void read_log(struct site *s, struct conf_section l, struct buf *complaints)
{
	s->log_syslog = conf_word(l, "to") == 1;
	s->log_format = conf_word(l, "format") == 1 ? LOG_JSON : LOG_LOGFMT;
	s->log_level = (enum log_level)conf_word(l, "level");
	s->log_socket = conf_cstr(l, "syslog_socket");
	if (s->log_socket[0] != '/' || strlen(s->log_socket) > 100)
		conf_complain(l, "syslog_socket", complaints,
			"log syslog_socket: an absolute path of 100 octets at most is wanted");
}

/* The file as it was shipped names a host, domains and networks that are nobody's. */
static void check_edited(struct conf_section root, struct buf *complaints)
{
	if (conf_bool(root, "example"))
		conf_complain(root, "example", complaints,
			"example: this is still the file as it was shipped: set hostname, "
			"default_domain, local_domains, the next hops and paths to yours, then "
			"remove this line");
}

static void check_paths(const struct site *s, struct conf_section root, struct buf *complaints)
{
	if (s->state_dir[0] != '/')
		conf_complain(
			root, "state_dir", complaints, "state_dir: an absolute path is wanted");
	if (s->run_dir[0] != '/')
		conf_complain(root, "run_dir", complaints, "run_dir: an absolute path is wanted");
	for (size_t i = 0; i < conf_count(root, "mail_roots"); i++)
		if (conf_nth(root, "mail_roots", i).p[0] != '/')
			conf_complain(root, "mail_roots", complaints,
				"mail_roots: absolute paths are wanted");
	if (strlen(s->run_dir) > 80) /* sun_path has 108 octets, the socket's name needs some */
		conf_complain(root, "run_dir", complaints, "run_dir: 80 octets at most");
}

enum err site_read(struct site *out, struct conf *c, struct buf *complaints)
{
	struct conf_section root = conf_root(c);
	struct conf_section as = conf_section(root, "run_as", 0);
	size_t before = complaints->len;
	struct site s = {
		.hostname = conf_cstr(root, "hostname"),
		.default_domain = conf_text(root, "default_domain"),
		.state_dir = conf_cstr(root, "state_dir"),
		.run_dir = conf_cstr(root, "run_dir"),
		.workers = conf_number(root, "workers"),
		.drain_ms = conf_ms(root, "drain_timeout"),
		.plaintext_always = conf_word(root, "plaintext_auth") == 1,
		.sandbox = (enum site_sandbox)conf_word(root, "sandbox"),
		.run_as_mail = conf_cstr(as, "mail"),
		.run_as_store = conf_cstr(as, "store"),
		.run_as_gate = conf_cstr(as, "gate"),
		.run_as_group = conf_cstr(as, "group"),
		.section = root,
	};

	check_edited(root, complaints);
	if (s.hostname[0] == '\0')
		s.hostname = own_name();
	if (s.workers == 0)
		s.workers = cores();
	read_log(&s, conf_section(root, "log", 0), complaints);
	read_window(&s, conf_section(root, "window", 0), complaints);
	read_history(&s, conf_section(root, "history", 0), complaints);
	read_penalty(&s, conf_section(root, "penalty", 0), complaints);
	read_users(&s, root, complaints);
	s.proxies_n = conf_count(root, "proxies");
	s.never_n = conf_count(conf_section(root, "window", 0), "never");
	check_paths(&s, root, complaints);
	if (complaints->len != before)
		return ERR_SYNTAX;
	*out = s;
	return ERR_NONE;
}

static bool one_holds(struct conf_section s, const char *networks, size_t n, struct addr a)
{
	for (size_t i = 0; i < n; i++)
		if (network_holds(conf_nth_network(s, networks, i), a))
			return true;
	return false;
}

bool site_is_proxy(const struct site *s, struct addr a)
{
	return one_holds(s->section, "proxies", s->proxies_n, a);
}

bool site_is_never(const struct site *s, struct addr a)
{
	if (s->never_n > 0 &&
		one_holds(conf_section(s->section, "window", 0), "never", s->never_n, a))
		return true;
	return site_is_proxy(s, a);
}

/* systemd names device and inode of the stream it connected us to; only that one gets priorities. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct str device, inode;
	struct stat st;
	uint64_t d, i;

	return stream != NULL && fstat(STDERR_FILENO, &st) == 0 &&
		str_split(str_of(stream), ':', &device, &inode) &&
		str_to_u64(device, UINT64_MAX, &d) && str_to_u64(inode, UINT64_MAX, &i) &&
		d == (uint64_t)st.st_dev && i == (uint64_t)st.st_ino;
}

void site_open_log(const struct site *s, const char *program)
{
	if (!s->log_syslog)
		log_never_wait(STDERR_FILENO);
	log_open(&(struct log_settings){
		.program = program,
		.fd = s->log_syslog ? -1 : STDERR_FILENO,
		.format = s->log_format,
		.level = s->log_level,
		.priorities = stderr_is_journal(),
		.syslog_socket = s->log_socket,
	});
}
