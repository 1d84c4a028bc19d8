/* mailorder.c - the order of messages: by age, and those of one age by their unique part. */
#include <endian.h>
#include <stdlib.h>

#include "pop3d/maildrop_private.h"

int by_age(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int order = mailname_compare(x->time, unique_of(x), y->time, unique_of(y));

	if (order != 0)
		return order;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (int)y->place - (int)x->place;
}

/* Of a file to be sorted: it is small, and nearly always enough. Comparing the names themselves, which begin
 * alike, took a third of what STAT of 20,000 messages cost. */
struct key {
	uint64_t time, word;
	const struct file *file;
};

static int by_key(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->word != y->word)
		return x->word < y->word ? -1 : 1;
	return by_age(x->file, y->file);
}

/* How many octets all unique parts begin with alike. */
static size_t alike(const struct maildrop *m)
{
	const char *first = m->files[0].name;
	size_t n = m->files[0].unique_n;

	for (size_t i = 1; i < m->n && n > 0; i++) {
		const struct file *f = &m->files[i];
		size_t k = 0, max = f->unique_n < n ? f->unique_n : n;

		while (k < max && f->name[k] == first[k])
			k++;
		n = k;
	}
	return n;
}

/* The octets of unique from there on, as a number that is in order as they are. */
static uint64_t word_of(struct str unique, size_t from)
{
	struct str rest = str_from(unique, from);
	uint64_t word = 0;

	memcpy(&word, rest.p, rest.n < sizeof(word) ? rest.n : sizeof(word));
	return be64toh(word);
}

#define FEW 256 /* that are sorted by comparing */

static unsigned digit(const struct key *k, unsigned place)
{
	return (place < 8 ? k->word >> (8 * place) : k->time >> (8 * (place - 8))) & 0xff;
}

/* By one digit; those with the same stay in their order. */
static void sort_by_digit(const struct key *from, struct key *to, size_t n, unsigned place)
{
	size_t at[256] = { 0 }, before = 0;

	for (size_t i = 0; i < n; i++)
		at[digit(&from[i], place)]++;
	for (unsigned d = 0; d < 256; d++) {
		size_t count = at[d];

		at[d] = before;
		before += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[digit(&from[i], place)]++] = from[i];
}

/* The digits in which keys differ. */
static struct key differing(const struct key *keys, size_t n)
{
	struct key d = { 0 };

	for (size_t i = 1; i < n; i++) {
		d.time |= keys[i].time ^ keys[0].time;
		d.word |= keys[i].word ^ keys[0].word;
	}
	return d;
}

/* Those that digits could not tell apart. */
static void sort_equals(struct key *keys, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && keys[end].time == keys[i].time &&
			keys[end].word == keys[i].word;)
			end++;
		if (end - i > 1)
			qsort(keys + i, end - i, sizeof(*keys), by_key);
	}
}

/* Digit by digit, from the last on: a fifth of all that STAT of 20,000 messages cost was qsort(3). spare
 * has room for as many. Returns where they are then. */
static struct key *sort_many(struct key *keys, struct key *spare, size_t n)
{
	const struct key differ = differing(keys, n);

	for (unsigned place = 0; place < 16; place++) {
		struct key *sorted = spare;

		if (digit(&differ, place) == 0)
			continue;
		sort_by_digit(keys, sorted, n, place);
		spare = keys;
		keys = sorted;
	}
	sort_equals(keys, n);
	return keys;
}

/* Moves each file to where its key stands: along one ring of places after the other, with no second copy. */
static void permute(struct file *files, struct key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct file first = files[i];
		size_t to = i, from;

		while ((from = (size_t)(keys[to].file - files)) != i) {
			files[to] = files[from];
			keys[to].file = &files[to];
			to = from;
		}
		files[to] = first;
		keys[to].file = &files[to];
	}
}

bool put_by_age(struct maildrop *m)
{
	size_t room = m->n < FEW ? m->n : 2 * m->n, from;
	struct key *keys = m->n > 0 ? malloc(room * sizeof(*keys)) : NULL, *sorted = keys;

	if (m->n == 0)
		return true;
	if (keys == NULL)
		return false;
	from = alike(m);
	for (size_t i = 0; i < m->n; i++)
		keys[i] = (struct key){ m->files[i].time, word_of(unique_of(&m->files[i]), from),
			&m->files[i] };
	if (m->n < FEW)
		qsort(keys, m->n, sizeof(*keys), by_key);
	else
		sorted = sort_many(keys, keys + m->n, m->n);
	permute(m->files, sorted, m->n);
	free(keys);
	return true;
}
