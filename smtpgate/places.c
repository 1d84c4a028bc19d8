/* places.c - see places.h. Domains in order, to be found by halving: a host of 5,000 of them looked at each for each
 * recipient. */
#include "smtpgate/places.h"

#include <stdlib.h>

struct places {
	size_t domains_n, networks_n;
	struct str *domains; /* owned; in order */
	struct network *networks; /* owned */
};

static int compare(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	for (size_t i = 0; i < x->n; i++) {
		int order =
			(unsigned char)ascii_lower(x->p[i]) - (unsigned char)ascii_lower(y->p[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

enum err places_open(struct places **out, struct conf_section smtpgate)
{
	struct places *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return ERR_NOMEM;
	p->domains_n = conf_count(smtpgate, "local_domains");
	p->networks_n = conf_count(smtpgate, "networks");
	p->domains = calloc(p->domains_n + 1, sizeof(*p->domains));
	p->networks = calloc(p->networks_n + 1, sizeof(*p->networks));
	if (p->domains == NULL || p->networks == NULL) {
		places_close(&p);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < p->domains_n; i++)
		p->domains[i] = conf_nth(smtpgate, "local_domains", i);
	for (size_t i = 0; i < p->networks_n; i++)
		p->networks[i] = conf_nth_network(smtpgate, "networks", i);
	qsort(p->domains, p->domains_n, sizeof(*p->domains), compare);
	*out = p;
	return ERR_NONE;
}

void places_close(struct places **p)
{
	if (*p == NULL)
		return;
	free((*p)->domains);
	free((*p)->networks);
	free(*p);
	*p = NULL;
}

bool places_is_local(const struct places *p, struct str domain)
{
	return bsearch(&domain, p->domains, p->domains_n, sizeof(domain), compare) != NULL;
}

bool places_is_network(const struct places *p, struct addr a)
{
	for (size_t i = 0; i < p->networks_n; i++)
		if (network_holds(p->networks[i], a))
			return true;
	return false;
}
