/* chronicle.c - what a history costs: a number of subscribers, some days, written as the historian writes them.
 *
 *	chronicle STATE_DIR SUBSCRIBERS DAYS LOGINS MESSAGES BATCH
 *
 * LOGINS and MESSAGES of each on each day, at equal distances, from an address that changes each night; a commit
 * for BATCH events, which is what comes in two seconds. The clock is the simulation's own, so a day takes as long
 * as it takes to write it. Prints how many octets of pages a subscriber and day takes, and what an event costs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/base/clock.h"
#include "common/store/history_book.h"

#define START_MS (INT64_C(20000) * DAY_MS)
#define LIFETIME_MS (INT64_C(37) * 60 * 1000)

static struct {
	uint64_t subscribers, days, logins, messages, batch;
	uint64_t events, commits;
	struct book book;
} sim;

static void must(enum err e, const char *what)
{
	if (e == ERR_NONE)
		return;
	fprintf(stderr, "chronicle: %s: %s\n", what, err_text(e));
	exit(1);
}

static struct subscriber name_of(uint64_t n)
{
	char text[64];
	struct subscriber who;

	snprintf(text, sizeof(text), "subscriber%llu@example.net",
		(unsigned long long)(n * 0x9e3779b1U % sim.subscribers));
	if (!subscriber_fold(str_of(text), STR(""), &who))
		exit(1);
	return who;
}

static struct addr addr_of(uint64_t n, uint64_t day)
{
	uint64_t place = (n + day * 77777) * 0x9e3779b1U & 0xffffff;
	struct addr a;

	if (!addr_parse(STR("10.0.0.0"), &a))
		exit(1);
	a.b[13] = (uint8_t)(place >> 16);
	a.b[14] = (uint8_t)(place >> 8);
	a.b[15] = (uint8_t)place;
	return a;
}

static void login(uint64_t n, uint64_t day, int64_t ms)
{
	struct grant g = { .addr = addr_of(n, day),
		.port = (uint16_t)(1024 + ms / 7 % 60000),
		.who = name_of(n),
		.source = { "pop3", "plain", true } };

	snprintf(g.sid, sizeof(g.sid), "%016llx", (unsigned long long)(ms * 31 + (int64_t)n));
	must(book_grant(&sim.book, &g, ms, ms + LIFETIME_MS), "grant");
	sim.events++;
}

static void message(uint64_t n, uint64_t day, int64_t ms)
{
	struct use u = { .addr = addr_of(n, day),
		.port = (uint16_t)(1024 + ms / 5 % 60000),
		.who = name_of(n),
		.messages = 1,
		.recipients = 1,
		.by = USE_BY_WINDOW,
		.listener = 25,
		.helo = "pc-of-somebody.example" };

	snprintf(u.sid, sizeof(u.sid), "%016llx", (unsigned long long)(ms * 37 + (int64_t)n));
	must(book_use(&sim.book, &u, ms), "use");
	sim.events++;
}

/* The events from number first to last of a day, each subscriber in turn. */
static void some(uint64_t first, uint64_t last, uint64_t day,
	void (*event)(uint64_t n, uint64_t day, int64_t ms), uint64_t all)
{
	for (uint64_t i = first; i < last; i++)
		event(i % sim.subscribers, day,
			START_MS + (int64_t)day * DAY_MS +
				(int64_t)((double)i / (double)all * (double)DAY_MS));
}

static void one_day(uint64_t day)
{
	uint64_t logins = sim.subscribers * sim.logins, messages = sim.subscribers * sim.messages;
	uint64_t slices = (logins + messages) / sim.batch + 1;

	for (uint64_t s = 0; s < slices; s++) {
		must(book_begin(&sim.book), "begin");
		some(logins * s / slices, logins * (s + 1) / slices, day, login, logins);
		some(messages * s / slices, messages * (s + 1) / slices, day, message, messages);
		must(book_commit(&sim.book), "commit");
		sim.commits++;
	}
}

static double pages_in_use(void)
{
	const struct {
		const char *name;
		MDB_dbi dbi;
	} all[] = { { "intervals", sim.book.intervals }, { "days", sim.book.days },
		{ "manners", sim.book.manners } };
	double octets = 0;
	MDB_stat st;

	must(book_begin(&sim.book), "begin");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		double pages = 0;

		if (mdb_stat(sim.book.txn, all[i].dbi, &st) == 0)
			pages = (double)(st.ms_branch_pages + st.ms_leaf_pages) * st.ms_psize;
		printf("%s=%zu octets_each=%.0f\n", all[i].name, st.ms_entries,
			pages / (double)(st.ms_entries > 0 ? st.ms_entries : 1));
		octets += pages;
	}
	book_abort(&sim.book);
	return octets;
}

static double cpu_us(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
		(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/* Octets handed to the file system. */
static double written(void)
{
	FILE *io = fopen("/proc/self/io", "r");
	unsigned long long n = 0;
	char line[64];

	while (io != NULL && fgets(line, sizeof(line), io) != NULL)
		if (sscanf(line, "write_bytes: %llu", &n) == 1)
			break;
	if (io != NULL)
		fclose(io);
	return (double)n;
}

static void print(int64_t took_ms)
{
	double octets = pages_in_use(), events = (double)sim.events;

	printf("octets_each_day=%.0f total_mb=%.0f\n",
		octets / (double)(sim.subscribers * sim.days), octets / 1e6);
	printf("events=%.0f commits=%llu seconds=%.1f cpu_us_each=%.2f written_each=%.0f\n", events,
		(unsigned long long)sim.commits, (double)took_ms / 1e3, cpu_us() / events,
		written() / events);
}

int main(int argc, char **argv)
{
	int64_t start;

	if (argc != 7) {
		fputs("usage: chronicle STATE_DIR SUBSCRIBERS DAYS LOGINS MESSAGES BATCH\n",
			stderr);
		return 2;
	}
	sim.subscribers = (uint64_t)atoll(argv[2]);
	sim.days = (uint64_t)atoll(argv[3]);
	sim.logins = (uint64_t)atoll(argv[4]);
	sim.messages = (uint64_t)atoll(argv[5]);
	sim.batch = (uint64_t)atoll(argv[6]);
	sim.book = (struct book){
		.ipv4_prefix = 32, .ipv6_prefix = 64, .max_size = UINT64_C(32) << 30
	};
	must(book_open(&sim.book, argv[1], START_MS), argv[1]);
	start = clock_steady_ms();
	for (uint64_t day = 0; day < sim.days; day++)
		one_day(day);
	print(clock_steady_ms() - start);
	book_close(&sim.book);
	return 0;
}
