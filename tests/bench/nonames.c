/* nonames.c - a name server on loopback to which no name exists: a gate that asks who its client is gets an
 * answer at once, as from a resolver near by, instead of waiting for one of the machine that may not be there.
 *
 *	nonames PORT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER 12 /* RFC 1035 4.1.1 */

/* Makes a question its own answer: the question stands, NXDOMAIN, and nothing behind it. */
static size_t answer(unsigned char *packet, size_t n)
{
	size_t at = HEADER;

	while (at < n && packet[at] != 0)
		at += packet[at] + 1U;
	at += 5; /* the root, type, class */
	packet[2] = (unsigned char)(packet[2] | 0x84); /* an answer, with authority */
	packet[3] = 0x83; /* recursion available, NXDOMAIN */
	for (size_t i = 6; i < HEADER; i++)
		packet[i] = 0;
	return at < n ? at : n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET }, from;
	unsigned char packet[512];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (argc != 2) {
		fprintf(stderr, "usage: nonames PORT\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		perror("nonames");
		return 1;
	}
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len);

		if (n >= HEADER)
			sendto(fd, packet, answer(packet, (size_t)n), 0, (struct sockaddr *)&from,
				len);
	}
}
