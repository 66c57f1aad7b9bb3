/* The twin documents that queries are about. */
#pragma once

#include "hub.h"
#include "value.h"

/* The paths of a query learn which members they lead to: before twin_row() is asked. */
void twin_know_paths(struct path *, size_t n);
/* A device for a condition. Lent: the device. */
struct row twin_row(const struct device *);
/* Appends the document as JSON. */
enum err twin_put(struct buf *out, const struct device *) MUST_CHECK;
/* Appends a value that twin_row() gave. */
enum err twin_put_value(struct buf *out, const struct device *, const struct value *) MUST_CHECK;
