/* page.h - is a leaf page of LMDB's whole? Pure, of octets alone: LMDB itself believes what a page says of
 * how many rows it has. */
#ifndef POPGATE_PAGE_H
#define POPGATE_PAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Of the page, of page_size octets and so aligned, in which row lies: do its rows fill it to the octet, as they
 * do where none was lost? Only for tables whose rows fit into a page. */
bool page_is_whole(const void *row, size_t page_size);

#endif
