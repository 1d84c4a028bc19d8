/* comments.c - see comments.h. Words and quotes end where libConfuse's scanner ends them. */
#include "common/conf/comments.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/str.h"

static bool starts(struct str s, size_t i, struct str with)
{
	return s.n - i >= with.n && memcmp(s.p + i, with.p, with.n) == 0;
}

/* Behind the next `end` from i on; s.n without one. */
static size_t past(struct str s, size_t i, struct str end)
{
	while (i < s.n && !starts(s, i, end))
		i++;
	return i < s.n ? i + end.n : s.n;
}

/* Behind ${NAME}, which may hold quotes; i + 1 if it is none. */
static size_t past_variable(struct str s, size_t i)
{
	size_t closed;

	if (!starts(s, i, STR("${")))
		return i + 1;
	closed = i + str_find(str_from(s, i), '}');
	return closed < s.n ? closed + 1 : i + 1;
}

/* Behind the quotes that open at i. */
static size_t past_quotes(struct str s, size_t i)
{
	char quote = s.p[i++];

	while (i < s.n && s.p[i] != quote) {
		if (s.p[i] == '\\')
			i += 2;
		else
			i = quote == '"' ? past_variable(s, i) : i + 1;
	}
	return i < s.n ? i + 1 : s.n;
}

/* How long the comment at i is; 0: there is none. */
static size_t comment(struct str s, size_t i, bool within_word)
{
	size_t end = i;

	if (s.p[i] == '#' || (!within_word && starts(s, i, STR("//"))))
		end = i + str_find(str_from(s, i), '\n');
	else if (!within_word && starts(s, i, STR("/*")))
		end = past(s, i + 2, STR("*/"));
	return end - i;
}

static bool open_ended(struct str comment)
{
	return starts(comment, 0, STR("/*")) && (comment.n < 4 || !str_ends(comment, STR("*/")));
}

static void blank(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\n')
			p[i] = ' ';
}

void comments_blank(char *p, size_t n)
{
	const struct str s = { p, n };
	bool within_word = false;
	size_t i = 0, more;

	while (i < n) {
		more = comment(s, i, within_word);
		if (more > 0) {
			if (!open_ended(str_first(str_from(s, i), more)))
				blank(p + i, more);
			i += more;
			within_word = false;
			continue;
		}
		if (p[i] == '"' || p[i] == '\'')
			more = past_quotes(s, i) - i;
		else
			more = within_word ? 1 : past_variable(s, i) - i;
		within_word = more == 1 && strchr(" \"'\t\n\r={}()+,*", p[i]) == NULL;
		i += more;
	}
}
