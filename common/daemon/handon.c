/* handon.c - see handon.h. Pure: octets in, numbers out. */
#include "common/daemon/handon.h"

/* --- writing --- */

static void write_number(struct buf *words, const char *name, int number)
{
	if (number >= 0)
		buf_printf(words, " %s=%d", name, number);
}

static void write_list(struct buf *words, const char *name, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i == 0)
			buf_printf(words, " %s=%d", name, list[0]);
		else
			buf_printf(words, ",%d", list[i]);
	}
}

static void write_child(struct buf *words, const struct handon_child *c)
{
	buf_printf(words, " child=%d:%s:%u:%u:%u:%d", (int)c->pid, c->role, c->slot, c->generation,
		c->seat, c->told);
}

void handon_write(const struct handon *h, struct buf *words)
{
	buf_printf(words, "layout=%u generation=%u", h->layout, h->generation);
	write_number(words, "counters", h->counters);
	write_number(words, "clients", h->clients);
	write_number(words, "tickets", h->tickets);
	write_number(words, "verified", h->verified);
	if (h->alive[0] >= 0 && h->alive[1] >= 0)
		write_list(words, "alive", h->alive, 2);
	if (h->deliver[0] >= 0 && h->deliver[1] >= 0)
		write_list(words, "deliver", h->deliver, 2);
	write_list(words, "own", h->own, h->own_n);
	write_list(words, "passed", h->passed, h->passed_n);
	for (size_t i = 0; i < h->children_n; i++)
		write_child(words, &h->children[i]);
}

/* --- reading --- */

static bool read_unsigned(struct str s, unsigned *out)
{
	uint64_t value;

	if (!str_to_u64(s, INT32_MAX, &value))
		return false;
	*out = (unsigned)value;
	return true;
}

static bool read_list(struct str s, int *list, size_t max, size_t *n)
{
	struct str item;
	unsigned number;

	for (*n = 0; s.n > 0; (*n)++) {
		(void)str_split(s, ',', &item, &s);
		if (*n == max || !read_unsigned(item, &number))
			return false;
		list[*n] = (int)number;
	}
	return *n > 0;
}

static bool read_exactly(struct str s, int *list, size_t wanted)
{
	size_t n;

	return read_list(s, list, wanted, &n) && n == wanted;
}

/* "PID:ROLE:SLOT:GENERATION:SEAT:TOLD" */
static bool read_child(struct handon *h, struct str s)
{
	struct handon_child *c = &h->children[h->children_n];
	struct str pid, role, slot, generation, seat;
	unsigned number, told;

	if (h->children_n == COUNTERS_SLOTS || !str_split(s, ':', &pid, &s) ||
		!str_split(s, ':', &role, &s) || !str_split(s, ':', &slot, &s) ||
		!str_split(s, ':', &generation, &s) || !str_split(s, ':', &seat, &s))
		return false;
	if (!read_unsigned(pid, &number) || number == 0 || role.n == 0 ||
		!str_to_cstr(role, c->role, sizeof(c->role)) || !read_unsigned(slot, &c->slot) ||
		!read_unsigned(generation, &c->generation) || !read_unsigned(seat, &c->seat) ||
		c->seat >= COUNTERS_SLOTS || !read_unsigned(s, &told) || told > 1)
		return false;
	c->pid = (pid_t)number;
	c->told = told == 1;
	h->children_n++;
	return true;
}

static bool read_word(struct handon *h, struct str name, struct str value)
{
	const struct {
		struct str name;
		int *number;
		size_t n;
	} rows[] = {
		{ STR("counters"), &h->counters, 1 },
		{ STR("clients"), &h->clients, 1 },
		{ STR("tickets"), &h->tickets, 1 },
		{ STR("verified"), &h->verified, 1 },
		{ STR("alive"), h->alive, 2 },
		{ STR("deliver"), h->deliver, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_eq(name, rows[i].name))
			return read_exactly(value, rows[i].number, rows[i].n);
	if (str_eq(name, STR("layout")))
		return read_unsigned(value, &h->layout);
	if (str_eq(name, STR("generation")))
		return read_unsigned(value, &h->generation);
	if (str_eq(name, STR("own")))
		return read_list(value, h->own, HANDON_SOCKETS, &h->own_n);
	if (str_eq(name, STR("passed")))
		return read_list(value, h->passed, PASSED_MAX, &h->passed_n);
	return !str_eq(name, STR("child")) || read_child(h, value);
}

bool handon_read(struct str words, struct handon *out)
{
	struct str word, name, value;

	*out = (struct handon){ 0 };
	out->counters = out->clients = out->tickets = out->verified = -1;
	out->alive[0] = out->alive[1] = out->deliver[0] = out->deliver[1] = -1;
	while (words.n > 0) {
		(void)str_split(words, ' ', &word, &words);
		if (!str_split(word, '=', &name, &value) || !read_word(out, name, value))
			return false;
	}
	return out->layout > 0;
}
