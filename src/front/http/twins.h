/* Twins as bodies of requests have them: alone (service 4.6) and in bulk (service 4.4). */
#pragma once

#include "http_front.h"

/* The parts of a twin of which `text` is the source and `root` what it was parsed to; null and missing ones are left
 * alone. Lent: the text. */
enum err http_twin_take(json_t *root, struct bytes text, struct twin_change *out, struct http_answer *) MUST_CHECK;
/* Why a change was refused; gives back `e`. */
enum err http_twin_failed(struct http_answer *, enum err e, const struct twin_fault *);
