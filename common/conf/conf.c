/* conf.c - the only one who knows libConfuse.
 *
 * To libConfuse every option is text; its kind is ours to check, when the whole file was read, so
 * that one run finds every mistake. libConfuse remembers no line for a value, so a call-back notes it
 * while the file is read; neither that call-back nor the scanner beneath takes a context, hence the
 * one static pointer, set for the length of conf_parse() only. */
#include "common/conf/conf.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/comments.h"
#include "common/conf/schema.h"
#include "common/conf/value.h"

#define OPTIONS_MAX 4096 /* values one file may set */

struct mark {
	const cfg_opt_t *opt;
	unsigned line;
};

struct conf {
	cfg_t *cfg; /* owned */
	cfg_opt_t *tables[32]; /* owned: what libConfuse was given */
	size_t tables_n;
	struct mark *marks; /* owned */
	size_t marks_n;
	const char *name; /* of the file; borrowed while reading */
	struct buf *complaints; /* likewise */
};

static struct conf *reading;

static void complain(struct conf *c, const char *file, int line, const char *what)
{
	buf_printf(c->complaints, "%s:%d: %s\n", file, line, what);
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, args);
	complain(reading, reading->name, cfg->line, text); /* a section may not know its file */
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	if (reading->marks_n == OPTIONS_MAX) {
		cfg_error(cfg, "more than %d settings", OPTIONS_MAX);
		return -1;
	}
	reading->marks[reading->marks_n++] = (struct mark){ opt, (unsigned)cfg->line };
	return 0;
}

static bool is_list(enum conf_kind kind)
{
	return kind == CONF_TEXTS || kind == CONF_NETWORKS;
}

static cfg_opt_t *table_of(struct conf *c, const struct conf_option *options);

static cfg_opt_t opt_of(struct conf *c, const struct conf_option *o)
{
	cfg_opt_t text = CFG_STR(o->name, o->fallback, CFGF_NONE);
	cfg_opt_t list = CFG_STR_LIST(o->name, (char *)(uintptr_t)o->fallback, CFGF_NONE);
	cfg_opt_t section = CFG_SEC(o->name, NULL,
		o->kind == CONF_TITLED ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE);
	cfg_opt_t opt = is_list(o->kind) ? list : text;

	if (o->options != NULL) {
		opt = section;
		opt.subopts = table_of(c, o->options);
	}
	opt.validcb = on_value;
	return opt;
}

/* libConfuse's table for ours; kept in c until it is closed. */
static cfg_opt_t *table_of(struct conf *c, const struct conf_option *options)
{
	const cfg_opt_t end = CFG_END();
	cfg_opt_t *table;
	size_t n = 0;

	while (options[n].kind != CONF_END)
		n++;
	table = calloc(n + 1, sizeof(*table));
	if (table == NULL)
		return NULL;
	assert(c->tables_n < sizeof(c->tables) / sizeof(c->tables[0]));
	c->tables[c->tables_n++] = table;
	for (size_t i = 0; i < n; i++)
		table[i] = opt_of(c, &options[i]);
	table[n] = end;
	return table;
}

static bool word_place(const char *words, struct str value, unsigned *place)
{
	struct str rest = str_of(words), word;

	for (unsigned i = 0; rest.n > 0; i++) {
		(void)str_split(rest, '|', &word, &rest);
		if (str_eq(word, value)) {
			*place = i;
			return true;
		}
	}
	return false;
}

static bool number_within(const char *range, struct str value, uint64_t *out)
{
	struct str low, high;
	uint64_t min = 0, max = 0;

	(void)str_split(str_of(range), '-', &low, &high);
	if (!str_to_u64(low, UINT32_MAX, &min) || !str_to_u64(high, UINT32_MAX, &max))
		return false;
	return str_to_u64(value, max, out) && *out >= min;
}

/* What is wrong with value as a value of o; NULL if nothing is. */
static const char *fault(const struct conf_option *o, struct str value)
{
	int64_t ms;
	uint64_t number;
	unsigned place;
	bool yes;
	struct network net;

	switch (o->kind) {
	case CONF_DURATION:
		return value_duration(value, &ms) ? NULL
						  : "a duration is wanted, like 90s, 30m or 2h";
	case CONF_SIZE:
		return value_size(value, &number) ? NULL : "a size is wanted, like 64k, 50M or 2G";
	case CONF_BOOL: return value_bool(value, &yes) ? NULL : "yes or no is wanted";
	case CONF_WORD:
		return word_place(o->words, value, &place) ? NULL : "one of these is wanted";
	case CONF_NUMBER:
		return number_within(o->words, value, &number) ? NULL : "a number is wanted in";
	case CONF_NETWORKS:
		return network_parse(value, &net) ? NULL : "a network is wanted, like 192.0.2.0/24";
	case CONF_TEXT:
	case CONF_TEXTS: return str_find(value, '\n') == value.n ? NULL : "it holds a line end";
	case CONF_SECTION:
	case CONF_TITLED:
	case CONF_END: break;
	}
	return NULL;
}

static void check_values(struct conf_section s, const struct conf_option *o)
{
	cfg_opt_t *opt = cfg_getopt(s.cfg, o->name);

	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *value = cfg_opt_getnstr(opt, i);
		const char *what = fault(o, str_of(value));

		if (what != NULL)
			conf_complain(s, o->name, s.conf->complaints, "%s = \"%.200s\": %s%s%s",
				o->name, value, what, o->words != NULL ? " " : "",
				o->words != NULL ? o->words : "");
	}
}

static void check_section(struct conf_section s, const struct conf_option *options)
{
	for (const struct conf_option *o = options; o->kind != CONF_END; o++) {
		if (o->options == NULL) {
			check_values(s, o);
			continue;
		}
		for (size_t i = 0; i < conf_sections(s, o->name); i++)
			check_section(conf_section(s, o->name, i), o->options);
	}
}

static void read_text(struct conf *c, const char *name, FILE *file)
{
	c->cfg->filename = strdup(name);
	reading = c;
	cfg_set_error_function(c->cfg, on_error);
	if (cfg_parse_fp(c->cfg, file) != CFG_SUCCESS && c->complaints->len == 0)
		complain(c, name, c->cfg->line, "syntax error");
	reading = NULL;
}

static void read_bytes(struct conf *c, const char *name, struct str bytes)
{
	char *text = str_dup(bytes);
	FILE *file = NULL;

	if (text != NULL) {
		comments_blank(text, bytes.n);
		file = bytes.n > 0 ? fmemopen(text, bytes.n, "r") : fopen("/dev/null", "re");
	}
	if (file != NULL) {
		read_text(c, name, file);
		fclose(file);
	} else {
		complain(c, name, 0, "no memory to read it");
	}
	free(text);
}

enum err conf_parse(struct conf **out, const char *name, struct str bytes, struct buf *complaints)
{
	struct conf *c = calloc(1, sizeof(*c));
	cfg_opt_t *table;

	if (c == NULL)
		return ERR_NOMEM;
	c->name = name;
	c->complaints = complaints;
	c->marks = calloc(OPTIONS_MAX, sizeof(*c->marks));
	table = table_of(c, conf_schema);
	if (c->marks != NULL && table != NULL)
		c->cfg = cfg_init(table, CFGF_NONE);
	if (c->cfg == NULL) {
		conf_close(&c);
		return ERR_NOMEM;
	}
	if (str_find(bytes, '\0') < bytes.n)
		complain(c, name, 0, "it holds a NUL octet");
	else
		read_bytes(c, name, bytes);
	if (complaints->len == 0)
		check_section(conf_root(c), conf_schema);
	c->complaints = NULL;
	if (complaints->len > 0 || complaints->broken) {
		conf_close(&c);
		return ERR_SYNTAX;
	}
	*out = c;
	return ERR_NONE;
}

void conf_close(struct conf **c)
{
	if (*c == NULL)
		return;
	if ((*c)->cfg != NULL)
		cfg_free((*c)->cfg);
	for (size_t i = 0; i < (*c)->tables_n; i++)
		free((*c)->tables[i]);
	free((*c)->marks);
	free(*c);
	*c = NULL;
}

enum err conf_read_file(const char *path, struct buf *bytes)
{
	FILE *file = fopen(path, "re");
	enum err e = ERR_NONE;
	char *at;

	if (file == NULL)
		return err_of_errno(errno);
	setvbuf(file, NULL, _IONBF, 0); /* it may be a key: stdio keeps no copy */
	while (e == ERR_NONE) {
		size_t got;

		at = buf_reserve(bytes, buf_room(bytes) < 4096 ? buf_room(bytes) : 4096);
		if (at == NULL || buf_room(bytes) == 0) {
			e = ERR_LIMIT;
			break;
		}
		got = fread(at, 1, buf_room(bytes) < 4096 ? buf_room(bytes) : 4096, file);
		buf_grew(bytes, got);
		if (got == 0)
			break;
	}
	if (ferror(file))
		e = ERR_IO;
	fclose(file);
	return e;
}

struct conf_section conf_root(struct conf *c)
{
	return (struct conf_section){ c, c->cfg };
}

static cfg_opt_t *opt_named(struct conf_section s, const char *name)
{
	cfg_opt_t *opt = cfg_getopt(s.cfg, name);

	assert(opt != NULL); /* schema.c and its readers must agree */
	return opt;
}

size_t conf_sections(struct conf_section s, const char *name)
{
	return cfg_opt_size(opt_named(s, name));
}

struct conf_section conf_section(struct conf_section s, const char *name, size_t i)
{
	return (struct conf_section){ s.conf, cfg_opt_getnsec(opt_named(s, name), (unsigned)i) };
}

struct str conf_title(struct conf_section s)
{
	const char *title = cfg_title(s.cfg);

	return title != NULL ? str_of(title) : STR("");
}

const char *conf_cstr(struct conf_section s, const char *name)
{
	return cfg_opt_getnstr(opt_named(s, name), 0);
}

struct str conf_text(struct conf_section s, const char *name)
{
	return str_of(conf_cstr(s, name));
}

int64_t conf_ms(struct conf_section s, const char *name)
{
	int64_t ms = 0;
	bool fine = value_duration(conf_text(s, name), &ms);

	assert(fine);
	return ms;
}

uint64_t conf_size(struct conf_section s, const char *name)
{
	uint64_t octets = 0;
	bool fine = value_size(conf_text(s, name), &octets);

	assert(fine);
	return octets;
}

unsigned conf_number(struct conf_section s, const char *name)
{
	uint64_t number = 0;
	bool fine = str_to_u64(conf_text(s, name), UINT32_MAX, &number);

	assert(fine);
	return (unsigned)number;
}

bool conf_bool(struct conf_section s, const char *name)
{
	bool yes = false, fine = value_bool(conf_text(s, name), &yes);

	assert(fine);
	return yes;
}

/* The words are not kept beside the value: they are found again by walking down from the root. */
static const struct conf_option *option_of(const struct conf_option *options, cfg_t *section,
	const struct conf_section *wanted, const char *name)
{
	for (const struct conf_option *o = options; o->kind != CONF_END; o++) {
		const struct conf_option *found = NULL;

		if (section == wanted->cfg && strcmp(o->name, name) == 0)
			return o;
		for (unsigned i = 0; o->options != NULL && i < cfg_size(section, o->name); i++) {
			found = option_of(
				o->options, cfg_getnsec(section, o->name, i), wanted, name);
			if (found != NULL)
				return found;
		}
	}
	return NULL;
}

unsigned conf_word(struct conf_section s, const char *name)
{
	const struct conf_option *o = option_of(conf_schema, s.conf->cfg, &s, name);
	unsigned place = 0;
	bool fine;

	assert(o != NULL && o->kind == CONF_WORD);
	fine = word_place(o->words, conf_text(s, name), &place);
	assert(fine);
	return place;
}

size_t conf_count(struct conf_section s, const char *name)
{
	return cfg_opt_size(opt_named(s, name));
}

struct str conf_nth(struct conf_section s, const char *name, size_t i)
{
	return str_of(cfg_opt_getnstr(opt_named(s, name), (unsigned)i));
}

struct network conf_nth_network(struct conf_section s, const char *name, size_t i)
{
	struct network net;
	bool fine = network_parse(conf_nth(s, name, i), &net);

	assert(fine);
	return net;
}

unsigned conf_line(struct conf_section s, const char *name)
{
	const cfg_opt_t *opt = opt_named(s, name);

	for (size_t i = s.conf->marks_n; i > 0; i--)
		if (s.conf->marks[i - 1].opt == opt)
			return s.conf->marks[i - 1].line;
	return 0;
}

char *conf_where(struct conf_section s, const char *name, char *dst)
{
	unsigned line = conf_line(s, name);

	if (line > 0)
		snprintf(dst, CONF_WHERE, "%.4000s:%u", s.conf->cfg->filename, line);
	else
		snprintf(dst, CONF_WHERE, "default");
	return dst;
}

void conf_complain(
	struct conf_section s, const char *name, struct buf *complaints, const char *format, ...)
{
	unsigned line = name != NULL ? conf_line(s, name) : 0;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (line == 0)
		line = (unsigned)s.cfg->line;
	buf_printf(complaints, "%s:%u: %s\n", s.conf->cfg->filename, line, text);
}
