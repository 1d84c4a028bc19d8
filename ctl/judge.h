/* judge.h - the accounts as explain and the listings of the window need them: whose an address is, and whether
 * an account has changed since a login, by the same functions as the daemons. */
#ifndef POPGATE_CTL_JUDGE_H
#define POPGATE_CTL_JUDGE_H

#include "common/users/accountprint.h"
#include "common/window/view.h"
#include "ctl/ctl.h"

struct judge {
	struct passwdfile *file; /* owned; NULL: cannot be read */
	struct accountprint_key *key; /* owned; NULL: there is none */
	enum err of_file, of_key; /* why there is none */
};

/* Never fails: what cannot be read is not known, and of_file and of_key say why. */
void judge_open(struct judge *j, const struct ctl *c);
void judge_close(struct judge *j);

/* Has v leave out entries of accounts that have changed, if that can be told. j must outlive v. */
void judge_attach(struct judge *j, struct view *v);

#endif
