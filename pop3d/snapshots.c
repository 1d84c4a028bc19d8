/* snapshots.c - see snapshots.h. */
#include "pop3d/snapshots.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	const char *path; /* first, as tsearch(3) compares: in text, or of who asks */
	struct node used;
	struct snapshot *snapshot; /* owned */
	size_t octets; /* of it and of this */
	char text[];
};

static int by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void snapshots_init(struct snapshots *all, size_t max)
{
	*all = (struct snapshots){ .max = max };
	list_init(&all->used);
}

static void drop(struct snapshots *all, struct kept *k)
{
	tdelete(k, &all->by_path, by_path);
	list_remove(&k->used);
	all->octets -= k->octets;
	snapshot_free(k->snapshot);
	free(k);
}

static struct kept *oldest(const struct snapshots *all)
{
	return list_entry(all->used.next, struct kept, used);
}

void snapshots_free(struct snapshots *all)
{
	while (!list_empty(&all->used))
		drop(all, oldest(all));
}

static struct kept *find(struct snapshots *all, const char *path)
{
	struct kept *const *found = tfind(&path, &all->by_path, by_path);

	return found != NULL ? *found : NULL;
}

static struct kept *make(const char *path, struct snapshot *s, size_t octets)
{
	size_t n = strlen(path) + 1;
	struct kept *k = malloc(sizeof(*k) + n);

	if (k == NULL)
		return NULL;
	*k = (struct kept){ .snapshot = s, .octets = sizeof(*k) + n + octets };
	k->path = memcpy(k->text, path, n);
	return k;
}

void snapshots_put(struct snapshots *all, const char *path, struct snapshot *s, size_t octets)
{
	struct kept *k = find(all, path);

	if (k != NULL)
		drop(all, k);
	k = s != NULL && octets < all->max ? make(path, s, octets) : NULL;
	if (k == NULL || tsearch(k, &all->by_path, by_path) == NULL) {
		snapshot_free(s);
		free(k);
		return;
	}
	list_append(&all->used, &k->used);
	all->octets += k->octets;
	while (all->octets > all->max)
		drop(all, oldest(all));
}

const struct snapshot *snapshots_find(struct snapshots *all, const char *path)
{
	struct kept *k = find(all, path);

	if (k == NULL)
		return NULL;
	list_remove(&k->used);
	list_append(&all->used, &k->used);
	return k->snapshot;
}
