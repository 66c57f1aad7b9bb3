/* A twin as others write it (service 4.4, 4.6): which sections of it are there. */
#pragma once

#include "entry_fault.h"
#include "hub.h"

#include <jansson.h>

/* The sections of a twin of which `text` is the source and `root` what it was parsed to; null and missing ones are left
 * alone. Lent: the text. */
enum err twin_take(json_t *root, struct bytes text, struct twin_change *out, struct entry_fault *) MUST_CHECK;
/* Why a change was refused; gives back `e`. */
enum err twin_refused(enum err e, const struct twin_fault *why, struct entry_fault *);
