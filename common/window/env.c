/* env.c - see env.h. */
#include "common/window/env.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/window/guard.h"
#include "common/window/meta.h"

enum err err_of_mdb(int code)
{
	switch (code) {
	case MDB_SUCCESS: return ERR_NONE;
	case MDB_NOTFOUND: return ERR_ABSENT;
	case MDB_KEYEXIST: return ERR_EXISTS;
	case MDB_MAP_FULL: return ERR_FULL;
	case MDB_READERS_FULL:
	case MDB_TXN_FULL:
	case MDB_DBS_FULL: return ERR_LIMIT;
	case MDB_PAGE_NOTFOUND:
	case MDB_CORRUPTED:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_DBI:
	case MDB_BAD_VALSIZE: return ERR_DAMAGED;
	case MDB_PANIC: return ERR_IO;
	default: return code > 0 ? err_of_errno(code) : ERR_IO;
	}
}

enum err env_whole(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat stat_of_env;
	mdb_filehandle_t fd;
	struct stat st;

	if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &st) != 0)
		return err_of_errno(errno);
	if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_of_env) != 0)
		return ERR_DAMAGED;
	/* a new environment has no pages yet and its two meta pages in the file */
	if ((uint64_t)st.st_size < (uint64_t)(info.me_last_pgno + 1) * stat_of_env.ms_psize)
		return ERR_DAMAGED;
	return ERR_NONE;
}

static enum err slot_is_possible(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	if (access(path, F_OK) != 0)
		return err_of_errno(errno);
	return access(path, W_OK) == 0 ? ERR_NONE : ERR_DENIED;
}

enum err env_open(MDB_env **out, const char *dir, unsigned flags, size_t map_size)
{
	MDB_env *env;
	enum err e = ERR_NONE;

	if ((flags & MDB_RDONLY) != 0 && (flags & MDB_NOLOCK) == 0)
		e = slot_is_possible(dir);
	if (e == ERR_NONE)
		e = err_of_mdb(mdb_env_create(&env));
	if (e != ERR_NONE)
		return e;
	mdb_env_set_maxdbs(env, 8);
	mdb_env_set_maxreaders(env, VIEW_READERS_MAX);
	if (map_size > 0)
		mdb_env_set_mapsize(env, map_size);
	mdb_env_set_assert(env, guard_assert);
	e = err_of_mdb(mdb_env_open(env, dir, flags | MDB_NOTLS, 0640));
	if (e == ERR_NONE)
		e = env_whole(env);
	if (e == ERR_NONE)
		*out = env;
	else
		mdb_env_close(env);
	return e;
}
