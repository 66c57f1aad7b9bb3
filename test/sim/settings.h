/* Configurations as they should be carried out, by a naive model: those that the hub has when a round begins, and the
 * changes that a twin needs then, one after the other. */
#pragma once

#include "twin_model.h"

struct hub;

enum { SETTINGS_MAX = 12 };

void settings_load(struct hub *);
void settings_forget(void);
size_t settings_n(void);
const char *settings_id(size_t i);
/* The next change of a twin, and whose it is; NULL: it needs no more. `phase` is 0 before the first. */
json_t *settings_next(const struct model *, unsigned *phase, const char **by);
