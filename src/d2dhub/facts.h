/* Facts that a client has to know of a hub: names, ports, authority, connection strings. Kept in DATA/hub.json (0600),
 * so that `d2dhub show` can print it while the hub runs and holds the log. */
#pragma once

#include "config.h"
#include "hub.h"

#include <jansson.h>

/* Given; NULL without memory. Ports as configured. */
json_t *facts_make(const struct config *c, const struct hub_birth *birth, const struct policy *policies, size_t n);
enum err facts_save(const struct config *c, const json_t *facts) MUST_CHECK;
enum err facts_load(const struct config *c, json_t **out) MUST_CHECK;
/* For people, or as one line of JSON. */
void facts_print(const struct config *c, const json_t *facts);
