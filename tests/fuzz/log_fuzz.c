/* log_fuzz.c - law: whatever values are logged, they are one line, and whoever reads it gets back just these
 * pairs: logfmt by the reader below, JSON by jansson. An octet that is no UTF-8 comes back as the character
 * of its number, a long value as its beginning and "...". Only a line with cut=true may lack a pair. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/utf8.h"
#include "tests/fuzz/fuzz.h"

#define VALUES 3
#define BEFORE 5 /* ts, level, prog, pid, event */
#define TEXT_MAX (2 * LOG_VALUE_MAX + 8)

struct text {
	size_t n;
	char p[TEXT_MAX];
};

static const char *const keys[VALUES] = { "user", "from", "reply" };

static void must(bool law)
{
	if (!law)
		abort();
}

static void put(struct text *t, unsigned c)
{
	must(t->n + 4 < sizeof(t->p));
	if (c < 0x80) {
		t->p[t->n++] = (char)c;
	} else if (c < 0x800) {
		t->p[t->n++] = (char)(0xc0 | c >> 6);
		t->p[t->n++] = (char)(0x80 | (c & 0x3f));
	} else {
		t->p[t->n++] = (char)(0xe0 | c >> 12);
		t->p[t->n++] = (char)(0x80 | (c >> 6 & 0x3f));
		t->p[t->n++] = (char)(0x80 | (c & 0x3f));
	}
}

static void append(struct text *t, struct str s)
{
	must(t->n + s.n <= sizeof(t->p));
	memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

/* What a reader is to get for a value. */
static void expect(struct text *out, struct str value)
{
	size_t i = 0;

	out->n = 0;
	while (i < value.n) {
		size_t whole = utf8_length(str_from(value, i));

		if (i + (whole > 0 ? whole : 1) > LOG_VALUE_MAX)
			break;
		if (whole > 0)
			append(out, str_first(str_from(value, i), whole));
		else
			put(out, (unsigned char)value.p[i]);
		i += whole > 0 ? whole : 1;
	}
	if (i < value.n)
		append(out, STR("..."));
}

/* --- a reader of logfmt --- */

static unsigned hex(struct str s)
{
	unsigned n = 0;

	must(s.n >= 4);
	for (size_t i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *d = strchr(digits, s.p[i]);

		must(d != NULL && *d != '\0');
		n = n << 4 | (unsigned)(d - digits);
	}
	return n;
}

/* s begins behind the quote. Returns the octets up to and with the closing one. */
static size_t read_quoted(struct str s, struct text *out)
{
	size_t i = 0;

	for (;;) {
		must(i < s.n);
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] != '\\') {
			append(out, str_first(str_from(s, i++), 1));
			continue;
		}
		must(i + 1 < s.n);
		if (s.p[i + 1] == 'u') {
			put(out, hex(str_from(s, i + 2)));
			i += 6;
		} else {
			must(s.p[i + 1] == '"' || s.p[i + 1] == '\\');
			append(out, str_first(str_from(s, i + 1), 1));
			i += 2;
		}
	}
}

/* One pair off the front of *s. */
static void read_pair(struct str *s, struct str *key, struct text *value)
{
	size_t n = 0;

	value->n = 0;
	must(str_split(*s, '=', key, s) && key->n > 0);
	for (size_t i = 0; i < key->n; i++)
		must((key->p[i] >= 'a' && key->p[i] <= 'z') || key->p[i] == '_');
	if (s->n > 0 && s->p[0] == '"') {
		n = 1 + read_quoted(str_from(*s, 1), value);
	} else {
		n = str_find(*s, ' ');
		append(value, str_first(*s, n));
		must(memchr(value->p, '"', value->n) == NULL);
	}
	*s = str_from(*s, n);
	must(s->n == 0 || s->p[0] == ' ');
	if (s->n > 0)
		*s = str_from(*s, 1);
}

static void check_logfmt(struct str line, const struct text *want)
{
	static const char *const before[BEFORE] = { "ts", "level", "prog", "pid", "event" };
	struct text value;
	struct str key = STR("");
	unsigned next = 0, found = 0;

	for (unsigned i = 0; i < BEFORE; i++) {
		read_pair(&line, &key, &value);
		must(str_eq(key, str_of(before[i])));
	}
	while (line.n > 0) {
		read_pair(&line, &key, &value);
		if (str_eq(key, STR("cut"))) {
			must(line.n == 0);
			return;
		}
		while (next < VALUES && !str_eq(key, str_of(keys[next])))
			next++;
		must(next < VALUES && value.n == want[next].n &&
			memcmp(value.p, want[next].p, value.n) == 0);
		next++;
		found++;
	}
	must(found == VALUES);
}

static void check_json(struct str line, const struct text *want)
{
	json_t *o = json_loadb(line.p, line.n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	size_t found = 0;

	must(json_is_object(o));
	for (unsigned i = 0; i < VALUES; i++) {
		const json_t *v = json_object_get(o, keys[i]);

		if (v == NULL)
			continue;
		found++;
		must(json_string_length(v) == want[i].n &&
			memcmp(json_string_value(v), want[i].p, want[i].n) == 0);
	}
	must(found == VALUES || json_is_true(json_object_get(o, "cut")));
	must(json_object_size(o) == BEFORE + found + (json_object_get(o, "cut") != NULL));
	json_decref(o);
}

static struct str log_values(enum log_format format, const struct str *values)
{
	static char text[2 * LOG_LINE_MAX];
	struct log_line l;
	int ends[2];
	ssize_t n;

	must(pipe(ends) == 0);
	log_open(&(struct log_settings){ "fuzz", ends[1], format, LOG_LEVEL_INFO, false, NULL });
	log_begin(&l, LOG_LEVEL_INFO, "it");
	for (unsigned i = 0; i < VALUES; i++)
		log_str(&l, keys[i], values[i]);
	log_end(&l);
	n = read(ends[0], text, sizeof(text));
	close(ends[0]);
	close(ends[1]);
	must(n >= 2 && n <= LOG_LINE_MAX && memchr(text, '\n', (size_t)n) == text + n - 1);
	return (struct str){ text, (size_t)n - 1 };
}

/* Nothing in it moves a cursor, ends a line for anybody, or turns the direction of reading. */
static void check_harmless(struct str line)
{
	static const char *const bad[] = { "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xae",
		"\xef\xbb\xbf" };

	must(utf8_valid(line));
	for (size_t i = 0; i < line.n; i++) {
		must((unsigned char)line.p[i] >= ' ' && line.p[i] != 0x7f);
		must(i + 1 == line.n || line.p[i] != '\xc2' ||
			(unsigned char)line.p[i + 1] >= 0xa0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		must(memmem(line.p, line.n, bad[i], 3) == NULL);
}

/* The first two octets say where the values are cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, values[VALUES], line;
	struct text want[VALUES];

	for (unsigned i = 0; i < VALUES; i++) {
		size_t n = size > 2 && i < 2 ? data[i] * 4U : in.n;

		if (i == 0 && size > 2)
			in = str_from(in, 2);
		n = n < in.n ? n : in.n;
		values[i] = str_first(in, n);
		in = str_from(in, n);
		expect(&want[i], values[i]);
	}
	line = log_values(LOG_LOGFMT, values);
	check_harmless(line);
	check_logfmt(line, want);
	line = log_values(LOG_JSON, values);
	check_harmless(line);
	check_json(line, want);
	return 0;
}
