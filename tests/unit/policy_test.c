/* policy_test.c - the whole table of who may send what, every combination of it. */
#include "tests/unit/test.h"

#include <string.h>

#include "smtpgate/policy.h"

static struct policy_client client_of(enum proof proof, bool sender_fits, unsigned holders)
{
	return (struct policy_client){
		.proof = proof,
		.sender_fits = sender_fits,
		.sender_named = sender_fits,
		.holders = holders,
	};
}

static bool proven(enum proof p)
{
	return p == PROOF_NETWORK || p == PROOF_WINDOW || p == PROOF_AUTH;
}

static void each_case_has_its_answer(void **state)
{
	(void)state;
	for (int role = ROLE_MX; role <= ROLE_SUBMISSION; role++) {
		for (int proof = PROOF_NONE; proof <= PROOF_AUTH; proof++) {
			for (int bits = 0; bits < 8; bits++) {
				const struct policy_facts f = { .role = (enum gate_role)role,
					.client = { .proof = (enum proof)proof },
					.local = bits & 1,
					.routed = bits & 2,
					.split = bits & 4 };
				bool yes = proven(f.client.proof);
				bool open = role == ROLE_MX && f.local && !f.routed;
				struct decision d = policy_rcpt(&f);

				/* accepted only with a proof, or as plain local mail on an mx */
				assert_int_equal(d.verdict == VERDICT_ACCEPT, yes || open);
				assert_int_equal(d.verdict == VERDICT_LATER,
					proof == PROOF_UNKNOWN && !open);
				if (d.verdict == VERDICT_ACCEPT)
					assert_int_equal(d.route,
						!f.local || (f.split && yes) ? ROUTE_RELAY
									     : ROUTE_DELIVER);
				else
					assert_true(d.code >= 400 && d.status != NULL);
				assert_non_null(d.reason);
			}
		}
	}
}

static void submission_asks_for_a_proof_at_mail(void **state)
{
	static const enum verdict wanted[] = { VERDICT_REFUSE, VERDICT_ACCEPT, VERDICT_ACCEPT,
		VERDICT_LATER, VERDICT_ACCEPT };

	(void)state;
	for (int proof = PROOF_NONE; proof <= PROOF_AUTH; proof++) {
		const struct policy_facts mx = { .role = ROLE_MX,
			.client = client_of((enum proof)proof, false, 0) };
		const struct policy_facts submission = { .role = ROLE_SUBMISSION,
			.client = client_of((enum proof)proof, false, 0) };

		assert_int_equal(policy_mail(&mx).verdict, VERDICT_ACCEPT);
		assert_int_equal(policy_mail(&submission).verdict, wanted[proof]);
	}
}

static void a_hop_that_is_not_there_takes_nothing(void **state)
{
	const struct policy_facts relay = { .client = client_of(PROOF_WINDOW, false, 1),
		.no_relay = true };
	const struct policy_facts deliver = { .local = true, .no_deliver = true };

	(void)state;
	assert_string_equal(policy_rcpt(&relay).reason, "no-next-hop");
	assert_int_equal(policy_rcpt(&relay).verdict, VERDICT_REFUSE);
	assert_int_equal(policy_rcpt(&deliver).verdict, VERDICT_REFUSE);
}

/* A stricter rule never grants what a milder one refuses. */
static void stricter_rules_only_take_away(void **state)
{
	(void)state;
	for (int bits = 0; bits < 1 << 9; bits++) {
		struct policy_facts f = { .role = (enum gate_role)(bits & 1),
			.client = client_of(
				(enum proof)(bits >> 1 & 7), bits & 16, (unsigned)(bits >> 5 & 3)),
			.local = bits & 128,
			.routed = bits & 256 };
		enum verdict mild;

		if (f.client.proof > PROOF_AUTH)
			continue;
		mild = policy_rcpt(&f).verdict;
		for (int rule = 0; rule < 4; rule++) {
			f.rules = (struct policy_rules){ .bind_sender = rule == 0,
				.no_window = rule == 1,
				.shared_after = rule == 2,
				.frozen_after = rule == 3 };
			if (policy_rcpt(&f).verdict == VERDICT_ACCEPT)
				assert_int_equal(mild, VERDICT_ACCEPT);
		}
	}
}

static const char *window_reason(unsigned holders, bool fits, struct policy_rules rules)
{
	const struct policy_facts f = { .client = client_of(PROOF_WINDOW, fits, holders),
		.rules = rules };

	return policy_rcpt(&f).reason;
}

static void a_shared_address_needs_a_sender_and_a_frozen_one_is_no_proof(void **state)
{
	const struct policy_rules guards = { .shared_after = 5, .frozen_after = 50 };

	(void)state;
	assert_string_equal(window_reason(5, false, guards), "window");
	assert_string_equal(window_reason(6, false, guards), "shared-address");
	assert_string_equal(window_reason(6, true, guards), "window");
	assert_string_equal(window_reason(50, true, guards), "window");
	assert_string_equal(window_reason(51, true, guards), "frozen-address");
	assert_string_equal(window_reason(5000, false, (struct policy_rules){ 0 }), "window");
}

/* The null sender suits whoever has logged in, but on a shared address it does not say who that is. */
static void the_null_sender_names_nobody_on_a_shared_address(void **state)
{
	struct policy_facts f = {
		.client = { .proof = PROOF_WINDOW, .sender_fits = true, .holders = 5 },
		.rules = { .bind_sender = true, .shared_after = 5 }
	};

	(void)state;
	assert_string_equal(policy_rcpt(&f).reason, "window");
	f.client.holders = 6;
	assert_string_equal(policy_rcpt(&f).reason, "shared-address");
}

static void a_sender_is_bound_to_who_logged_in_but_not_to_a_network(void **state)
{
	struct policy_facts f = { .rules = { .bind_sender = true } };

	(void)state;
	f.client.proof = PROOF_NETWORK;
	assert_int_equal(policy_rcpt(&f).verdict, VERDICT_ACCEPT);
	f.client.proof = PROOF_AUTH;
	assert_string_equal(policy_rcpt(&f).reason, "sender-binding");
	f.role = ROLE_SUBMISSION;
	assert_int_equal(policy_mail(&f).code, 550);
	f.client.sender_fits = true;
	assert_int_equal(policy_mail(&f).verdict, VERDICT_ACCEPT);
}

static void enough_is_enough_for_this_hour(void **state)
{
	struct policy_facts f = { .rules = { .per_who = { 10, 20 }, .per_key = { 100, 200 } } };

	(void)state;
	for (int proof = PROOF_NONE; proof <= PROOF_AUTH; proof++) {
		bool limited = proof == PROOF_AUTH || proof == PROOF_WINDOW;

		f.client = (struct policy_client){
			.proof = (enum proof)proof, .by_who = { 9, 18 }, .by_key = { 99, 198 }
		};
		f.recipients = 1;
		assert_int_not_equal(policy_mail(&f).code, 450);
		assert_int_not_equal(policy_rcpt(&f).code, 452);
		f.recipients = 2;
		assert_int_equal(policy_rcpt(&f).code == 452, limited);
		f.client.by_key.messages = 100;
		assert_int_equal(policy_mail(&f).code == 450, limited);
		f.client =
			(struct policy_client){ .proof = (enum proof)proof, .by_who = { 10, 0 } };
		assert_int_equal(policy_mail(&f).code == 450, limited);
		f.client =
			(struct policy_client){ .proof = (enum proof)proof, .by_key = { 0, 200 } };
		assert_int_equal(policy_rcpt(&f).code == 452, limited);
	}
}

/* What one login allows is the window's alone; mail that anyone may send is not held up by it. */
static void a_window_has_its_credit(void **state)
{
	struct policy_facts f = { .rules = { .per_window = { 10, 20 } } };

	(void)state;
	for (int proof = PROOF_NONE; proof <= PROOF_AUTH; proof++) {
		bool window = proof == PROOF_WINDOW;

		f.role = ROLE_SUBMISSION;
		f.recipients = 0;
		f.client = (struct policy_client){ .proof = (enum proof)proof,
			.by_window = { 9, 19 } };
		assert_int_not_equal(policy_mail(&f).code, 450);
		assert_int_not_equal(policy_rcpt(&f).code, 452);
		f.recipients = 1;
		assert_int_equal(policy_rcpt(&f).code == 452, window);
		f.client.by_window.messages = 10;
		assert_int_equal(policy_mail(&f).code == 450, window);
		f.role = ROLE_MX;
		assert_int_equal(policy_mail(&f).verdict, VERDICT_ACCEPT);
		assert_int_equal(policy_rcpt(&f).code == 450, window);
		f.local = true;
		assert_int_equal(policy_rcpt(&f).verdict, VERDICT_ACCEPT);
		f.local = false;
	}
}

static void a_brownout_takes_the_window_and_nothing_else(void **state)
{
	(void)state;
	for (int proof = PROOF_NONE; proof <= PROOF_AUTH; proof++) {
		struct policy_facts f = { .client = { .proof = (enum proof)proof,
						  .brownout = POLICY_BROWNOUT_NOW,
						  .brownout_text = "see there" } };
		bool window = proof == PROOF_WINDOW;
		struct decision d = policy_rcpt(&f);

		assert_int_equal(strcmp(d.reason, "brownout") == 0, window);
		assert_true(!window || (d.code == 550 && strcmp(d.text, "see there") == 0));
		f.client.brownout = POLICY_BROWNOUT_ENDED;
		f.client.brownout_defers = true;
		d = policy_rcpt(&f);
		assert_int_equal(strcmp(d.reason, "brownout-ended") == 0, window);
		assert_true(!window || (d.code == 451 && d.verdict == VERDICT_LATER));
		f.local = true;
		assert_int_equal(policy_rcpt(&f).verdict, VERDICT_ACCEPT); /* as from anyone */
		f.role = ROLE_SUBMISSION;
		d = policy_mail(&f);
		assert_int_equal(d.code == 451 && strcmp(d.reason, "brownout-ended") == 0, window);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_has_its_answer),
		cmocka_unit_test(submission_asks_for_a_proof_at_mail),
		cmocka_unit_test(a_hop_that_is_not_there_takes_nothing),
		cmocka_unit_test(stricter_rules_only_take_away),
		cmocka_unit_test(a_shared_address_needs_a_sender_and_a_frozen_one_is_no_proof),
		cmocka_unit_test(the_null_sender_names_nobody_on_a_shared_address),
		cmocka_unit_test(enough_is_enough_for_this_hour),
		cmocka_unit_test(a_window_has_its_credit),
		cmocka_unit_test(a_brownout_takes_the_window_and_nothing_else),
		cmocka_unit_test(a_sender_is_bound_to_who_logged_in_but_not_to_a_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
