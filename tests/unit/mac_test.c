/* mac_test.c - the hash is HMAC-SHA-256, and the one before leaves nothing behind. */
#include "tests/unit/test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/users/mac.h"

static void it_is_hmac_sha_256_each_time(void **state)
{
	const uint8_t key[MAC_KEY] = { 7, 1, 255 };
	uint8_t text[300], mac[MAC_SIZE], right[MAC_SIZE];
	struct mac *m = NULL;

	(void)state;
	assert_int_equal(mac_open(&m, key), ERR_NONE);
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = (uint8_t)(i * 7);
		assert_non_null(HMAC(EVP_sha256(), key, sizeof(key), text, i, right, NULL));
		mac_make(m, text, i, mac);
		assert_memory_equal(mac, right, sizeof(mac));
	}
	mac_close(&m);
	assert_null(m);
	mac_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_hmac_sha_256_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
