/* The twin document (service 4.6): what is asked for under /twins, and what queries are about. It is written here only.
 */
#pragma once

#include "hub.h"
#include "value.h"

struct twin_document;

/* Which configurations there are, and what each is to a twin (service 4.11): for the member of that name. */
enum configured { CONFIGURED_NOT, CONFIGURED_TARGETED, CONFIGURED_APPLIED };
struct configured_by {
    const void *of;
    size_t n; /* at most CONFIGURATIONS_ROOM */
    struct bytes (*id)(const void *of, size_t i);
    enum configured (*how)(const void *of, size_t i, const struct twin_document *);
};

struct twin_document {
    const struct device *device; /* lent for as long as the document is used, */
    struct bytes run;            /* and the twin as hub_twin_copy() gives it; nothing: nobody has written it yet */
    const struct configured_by *configurations; /* NULL: nobody says */
};

/* The paths of a query learn which members they lead to: before twin_document_row() is asked. */
void twin_document_know_paths(struct path *, size_t n);
/* As a condition sees it. Lent: the document. */
struct row twin_document_row(const struct twin_document *);
/* Appends it as JSON. */
enum err twin_document_put(struct buf *out, const struct twin_document *) MUST_CHECK;
/* Appends a value that twin_document_row() gave. */
enum err twin_document_put_value(struct buf *out, const struct twin_document *, const struct value *) MUST_CHECK;
