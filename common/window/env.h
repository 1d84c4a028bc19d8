/* env.h - opening an LMDB environment so that its pitfalls are met in one place. */
#ifndef POPGATE_ENV_H
#define POPGATE_ENV_H

#include <lmdb.h>

#include "common/base/err.h"

/* LMDB's codes in our words; MDB_SUCCESS is ERR_NONE. */
enum err err_of_mdb(int code);

/* Opens dir with these LMDB flags and a map of map_size octets (0: as large as its writer made it).
 * Refuses a file shorter than its last page with ERR_DAMAGED, because reading behind its end is a
 * SIGBUS and no error; refuses to read without a reader slot with ERR_DENIED. */
MUST_USE enum err env_open(MDB_env **out, const char *dir, unsigned flags, size_t map_size);

/* Is the file as long as its last page says? ERR_DAMAGED: no, and its end is not to be read. Cheap enough to be
 * asked before each transaction. */
MUST_USE enum err env_whole(MDB_env *env);

/* Are LMDB's lists of free pages what it would have written? A page that is wrongly among them would be
 * written over. Reads all of them; ERR_DAMAGED: no. */
MUST_USE enum err env_free_pages(MDB_env *env);

#endif
