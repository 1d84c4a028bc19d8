/* policy_test.c - the whole table of who may send what, every combination of it. */
#include "tests/unit/test.h"

#include <string.h>

#include "smtpgate/policy.h"

static void each_case_has_its_answer(void **state)
{
	(void)state;
	for (int role = ROLE_MX; role <= ROLE_SUBMISSION; role++) {
		for (int proof = PROOF_NONE; proof <= PROOF_UNKNOWN; proof++) {
			for (int bits = 0; bits < 8; bits++) {
				const struct policy_facts f = { .role = (enum gate_role)role,
					.proof = (enum proof)proof,
					.local = bits & 1,
					.routed = bits & 2,
					.split = bits & 4 };
				bool proven = proof == PROOF_NETWORK || proof == PROOF_WINDOW;
				bool open = role == ROLE_MX && f.local && !f.routed;
				struct decision d = policy_rcpt(&f);

				/* accepted only with a proof, or as plain local mail on an mx */
				assert_int_equal(d.verdict == VERDICT_ACCEPT, proven || open);
				if (d.verdict == VERDICT_LATER)
					assert_int_equal(proof, PROOF_UNKNOWN);
				if (proof == PROOF_UNKNOWN && !open && !f.routed)
					assert_int_equal(d.verdict, VERDICT_LATER);
				if (d.verdict == VERDICT_ACCEPT)
					assert_int_equal(d.route,
						!f.local || (f.split && proven) ? ROUTE_RELAY
										: ROUTE_DELIVER);
				assert_non_null(d.reason);
			}
		}
	}
}

static void submission_asks_for_a_proof_at_mail(void **state)
{
	static const enum verdict wanted[] = { VERDICT_REFUSE, VERDICT_ACCEPT, VERDICT_ACCEPT,
		VERDICT_LATER };

	(void)state;
	for (int proof = PROOF_NONE; proof <= PROOF_UNKNOWN; proof++) {
		const struct policy_facts mx = { .role = ROLE_MX, .proof = (enum proof)proof };
		const struct policy_facts submission = { .role = ROLE_SUBMISSION,
			.proof = (enum proof)proof };

		assert_int_equal(policy_mail(&mx).verdict, VERDICT_ACCEPT);
		assert_int_equal(policy_mail(&submission).verdict, wanted[proof]);
	}
}

static void a_hop_that_is_not_there_takes_nothing(void **state)
{
	const struct policy_facts relay = { .proof = PROOF_WINDOW, .no_relay = true };
	const struct policy_facts deliver = { .local = true, .no_deliver = true };

	(void)state;
	assert_string_equal(policy_rcpt(&relay).reason, "no-next-hop");
	assert_int_equal(policy_rcpt(&relay).verdict, VERDICT_REFUSE);
	assert_int_equal(policy_rcpt(&deliver).verdict, VERDICT_REFUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_has_its_answer),
		cmocka_unit_test(submission_asks_for_a_proof_at_mail),
		cmocka_unit_test(a_hop_that_is_not_there_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
