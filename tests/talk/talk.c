/* talk.c - see talk.h. Turns are bounded: an engine that never comes to rest fails its test. */
#include "tests/unit/test.h"

#include "tests/talk/talk.h"

#define TURNS_MAX 100000

static void run(struct talk *t)
{
	for (int turns = 0; turns < TURNS_MAX; turns++) {
		if (t->want == STEP_CLOSE || t->want == STEP_PART)
			return;
		t->want = t->engine->ops->run(t->engine, &t->in, &t->out);
		if (t->want == STEP_ASK)
			t->answer(t->owner);
		else if (t->want != STEP_AGAIN)
			return;
	}
	fail_msg("the engine does not come to rest");
}

void talk_start(struct talk *t, struct engine *e, void (*answer)(void *owner), void *owner)
{
	*t = (struct talk){ .engine = e, .answer = answer, .owner = owner, .want = STEP_AGAIN };
	buf_init(&t->in, 1 << 22);
	buf_init(&t->out, 1 << 22);
}

static void expect(struct talk *t, const char *reply)
{
	buf_add(&t->out, (struct str){ "", 1 });
	assert_string_equal(buf_str(&t->out).p, reply);
	buf_clear(&t->out);
}

void talk_hears(struct talk *t, const char *reply)
{
	run(t);
	expect(t, reply);
}

void talk_says_octets(struct talk *t, struct str octets, const char *reply)
{
	for (size_t i = 0; i < octets.n; i++) {
		buf_add(&t->in, (struct str){ octets.p + i, 1 });
		run(t);
	}
	expect(t, reply);
}

void talk_says(struct talk *t, const char *text, const char *reply)
{
	talk_says_octets(t, str_of(text), reply);
}

void talk_end(struct talk *t)
{
	buf_free(&t->in);
	buf_free(&t->out);
}
