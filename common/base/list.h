/* list.h - a ring of nodes that live inside the things they link; nothing is allocated. */
#ifndef POPGATE_LIST_H
#define POPGATE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct node {
	struct node *next, *prev; /* both NULL while in no list */
};

/* The struct that holds this node as that member. */
#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct node *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct node *head)
{
	return head->next == head;
}

static inline void list_append(struct node *head, struct node *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

/* Fine for a node that is in no list. */
static inline void list_remove(struct node *n)
{
	if (n->next == NULL)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

#endif
