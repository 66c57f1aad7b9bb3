/* Identities and errors of the registry's REST interface as JSON (service 4.3, 4.13). */
#pragma once

#include "buf.h"
#include "d2d.h"

#include <jansson.h>

void identity_put(const struct d2d_identity *, struct buf *out);
bool identity_read(const json_t *, struct d2d_identity *out);
bool identity_read_twin(const json_t *, struct d2d_identity *out); /* the same of a row of a query */
/* The error that a status and an error's body stand for; the body's sentence into `text`. */
enum d2d_err status_error(int status, struct bytes body, char *text, size_t cap);
