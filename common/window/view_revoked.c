/* view_revoked.c - does an entry still count: it has not ended, no revocation covers it, and its account is the
 * one that logged in. A revocation that cannot be read covers everything: then nobody knows. */
#include "common/window/view_private.h"

static bool not_before_of(struct view *v, enum scope scope, const struct record *r, int64_t *ms)
{
	uint8_t bytes[RECORD_KEY_MAX];
	const struct str key = { (const char *)bytes,
		record_revocation_key(scope, &r->key, &r->who, bytes) };
	struct row at = view_seek(v, v->revoked, key);
	struct record revocation;

	if (at.code != 0 || view_compare(&at.key, key) != 0)
		return view_nothing_astray(v, v->revoked, RECORD_REVOCATION, key, &at);
	if (!record_decode(str_of_val(at.data), &revocation))
		return false;
	*ms = revocation.login_ms;
	return true;
}

/* One row into the next place. */
static bool keep(struct view *v, const struct row *at)
{
	struct revocations *all = &v->known.revocations;
	struct record r;
	uint8_t bytes[RECORD_KEY_MAX];
	size_t n;

	if (all->n == REVOCATIONS_FEW || !view_row_is_sound(v, RECORD_REVOCATION, at) ||
		!record_decode(str_of_val(at->data), &r))
		return false;
	n = record_revocation_key(r.scope, &r.key, &r.who, bytes);
	if (view_compare(&at->key, (struct str){ (const char *)bytes, n }) != 0)
		return false;
	all->at[all->n++] = (struct revocation_row){ r.scope, r.key, r.who, r.login_ms };
	return true;
}

/* Have all rows been kept that LMDB says there are? Of an empty table nothing else may be said, either. */
static bool keep_all(struct view *v)
{
	struct revocations *all = &v->known.revocations;
	MDB_stat st;
	struct row at;

	all->n = 0;
	if (mdb_stat(v->txn, v->revocations, &st) != 0 || st.ms_entries > REVOCATIONS_FEW ||
		(st.ms_entries == 0 && (st.ms_depth != 0 || st.ms_leaf_pages != 0)))
		return false;
	at.code = mdb_cursor_renew(v->txn, v->revoked);
	if (at.code == 0)
		at = view_step(v->revoked, MDB_FIRST);
	while (at.code == 0) {
		if (!keep(v, &at))
			return false;
		at = view_step(v->revoked, MDB_NEXT);
	}
	return at.code == MDB_NOTFOUND && all->n == st.ms_entries;
}

static bool covers(const struct revocation_row *row, const struct record *r)
{
	bool by_key = row->scope == SCOPE_KEY || row->scope == SCOPE_KEY_SUBSCRIBER;
	bool by_who = row->scope == SCOPE_SUBSCRIBER || row->scope == SCOPE_KEY_SUBSCRIBER;

	return (!by_key || addr_eq(row->key, r->key)) &&
		(!by_who || subscriber_eq(&row->who, &r->who));
}

/* Few are told from memory: the table costs four searches for each entry, in most cases for nothing, and where it is
 * empty twice as many. */
static bool revoked(struct view *v, const struct record *r, struct not_before *nb)
{
	struct revocations *all = &v->known.revocations;

	*nb = (struct not_before){ { 0 } };
	if (all->known == REVOCATIONS_UNASKED)
		all->known = keep_all(v) ? REVOCATIONS_ALL : REVOCATIONS_ELSEWHERE;
	if (all->known == REVOCATIONS_ALL) {
		for (const struct revocation_row *row = all->at; row < all->at + all->n; row++)
			if (covers(row, r))
				nb->ms[row->scope] = row->not_before_ms;
		return true;
	}
	for (int scope = SCOPE_EVERYTHING; scope <= SCOPE_KEY_SUBSCRIBER; scope++)
		if (!not_before_of(v, (enum scope)scope, r, &nb->ms[scope]))
			return false;
	return true;
}

enum standing view_standing(struct view *v, const struct record *r, int64_t present_ms)
{
	struct not_before nb;

	if (present_ms >= r->until_ms)
		return DEAD;
	if (!revoked(v, r, &nb))
		return UNREADABLE;
	if (merge_revoked(r, &nb))
		return DEAD;
	return v->judge.changed != NULL && v->judge.changed(v->judge.ctx, &r->who, &r->account)
		? DEAD
		: LIVE;
}
