/* mailids.c - the last step of a snapshot: the unique-ids of its messages, and with another server's list
 * their order, too. */
#include <stdlib.h>

#include "pop3d/maildrop_private.h"

static void log_bad_list(const struct maildrop *m, enum err e)
{
	struct log_line l;

	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.uidlist", m);
	log_text(&l, "file", uidl_file(m->format));
	log_err(&l, e);
	log_end(&l);
}

static bool set_uidl(struct file *f, const char *text)
{
	free(f->uidl);
	f->uidl = strdup(text);
	return f->uidl != NULL;
}

static bool name_one(struct maildrop *m, struct file *f, const struct uidl_list *list)
{
	char text[UIDL_MAX + 1];

	f->rank = UINT64_MAX;
	if (list != NULL && uidl_list_find(list, unique_of(f), text, &f->rank))
		return set_uidl(f, text);
	if (f->twin)
		uidl_salted(unique_of(f), f->inode, text);
	else if (m->format == UIDL_MD5)
		uidl_md5(unique_of(f), text);
	else
		return true;
	return set_uidl(f, text);
}

static int by_rank(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return by_age(a, b);
}

static int by_age_there(const void *a, const void *b)
{
	return by_age(*(const void *const *)a, *(const void *const *)b);
}

static bool put_in_rank(struct maildrop *m)
{
	m->by_age = calloc(m->n + 1, sizeof(struct file *));
	if (m->by_age == NULL)
		return false;
	if (m->n > 0)
		qsort(m->files, m->n, sizeof(*m->files), by_rank);
	for (size_t i = 0; i < m->n; i++)
		m->by_age[i] = &m->files[i];
	if (m->n > 0)
		qsort(m->by_age, m->n, sizeof(struct file *), by_age_there);
	return true;
}

static int by_uidl(const void *a, const void *b)
{
	const struct file *x = *(struct file *const *)a, *y = *(struct file *const *)b;
	int order = strcmp(x->uidl, y->uidl);

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* Ids from lists, digests and twins may be equal by accident or by malice: all but the first of equals get
 * another. Rounds end, because a salted digest meets no other id but by breaking SHA-256. */
static bool tell_apart(struct maildrop *m)
{
	struct file **all = calloc(m->n + 1, sizeof(struct file *));
	bool equal = all != NULL, room = all != NULL;
	char text[UIDL_MAX + 1];

	for (size_t i = 0; i < m->n && room; i++) {
		all[i] = &m->files[i];
		uidl_of_name(unique_of(all[i]), text);
		if (all[i]->uidl == NULL)
			room = set_uidl(all[i], text);
	}
	for (uint64_t salt = 1; equal && room && salt < 8; salt++) {
		equal = false;
		if (m->n > 0)
			qsort(all, m->n, sizeof(struct file *), by_uidl);
		for (size_t i = m->n; i > 1; i--) {
			if (strcmp(all[i - 2]->uidl, all[i - 1]->uidl) != 0)
				continue;
			uidl_salted(unique_of(all[i - 1]), salt + all[i - 1]->inode, text);
			room = room && set_uidl(all[i - 1], text);
			equal = true;
		}
	}
	free(all);
	return room;
}

static enum err name_all(struct maildrop *m, const struct uidl_list *list)
{
	bool room = true, plain = m->format == UIDL_FILENAME;

	for (size_t i = 0; i < m->n && room; i++) {
		room = name_one(m, &m->files[i], list);
		plain = plain && !m->files[i].twin;
	}
	if (room && m->format == UIDL_DOVECOT)
		room = put_in_rank(m);
	if (room && !plain)
		room = tell_apart(m);
	return room ? ERR_NONE : ERR_NOMEM;
}

enum err find_names(struct maildrop *m, int64_t until_ms)
{
	const char *file = uidl_file(m->format);
	struct uidl_list *list = NULL;
	struct stat st;
	struct buf bytes;
	enum err e = ERR_NONE;

	(void)until_ms;
	buf_init(&bytes, UIDL_FILE_MAX);
	if (file != NULL && m->root >= 0) {
		e = read_whole(m->root, file, &bytes, &st);
		if (e == ERR_NONE)
			e = uidl_list_open(&list, m->format, buf_str(&bytes));
		if (e != ERR_NONE && e != ERR_ABSENT)
			log_bad_list(m, e);
	}
	/* Without their list all messages look new to clients. A list that may be there the next time is worth
	 * waiting for; one that is none will not get better. */
	if (e == ERR_NONE || e == ERR_ABSENT || e == ERR_SYNTAX || e == ERR_LIMIT)
		e = name_all(m, list);
	uidl_list_close(&list);
	buf_free(&bytes);
	m->scan++;
	return e;
}
