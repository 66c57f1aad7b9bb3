/* A configuration (service 4.11) as it is kept, and as it is carried out. It is a document of the hub; one that was
 * deleted stays as an empty document until what it had set is gone everywhere. */
#pragma once

#include "condition.h"
#include "hub.h"

#include <jansson.h>

enum configures { CONFIGURES_DEVICES, CONFIGURES_EDGE, CONFIGURES_MODULES, CONFIGURES_KINDS };

/* "deviceContent", "modulesContent", "moduleContent" */
const char *configures_name(enum configures);

struct configuration {
    struct doc doc;
    json_t *root; /* as it is kept: schemaVersion, labels, content, …; NULL: it is deleted. Owned */
    enum configures kind;
    json_t *settings; /* the content of its kind; lent by root */
    int64_t priority;
    bool targets;                /* it has a target condition at all */
    struct condition *condition; /* NULL: all of its kind. Owned */
    char digest[24];             /* of its text, decimal ($lastUpdatedByDigest) */
    json_t *wish;                /* the settings as a tree (desired.h), of a manifest one for each module. Owned */
    /* Of the last round, and of the thread that carries it out: */
    uint64_t targeted, applied;                  /* identities */
    uint64_t succeeded, failed;                  /* edge devices, as their agents report */
    uint64_t metrics[CONFIGURATION_METRICS_MAX]; /* in the order of the queries, or METRIC_UNKNOWN */
};

#define METRIC_UNKNOWN UINT64_MAX /* its query cannot be run */

/* Compiles a target condition: empty for none, `*` for all, for modules "from devices.modules where …". `out` may be
 * NULL afterwards: all. ERR_ARGUMENT: `why` is a sentence. */
enum err configuration_target(struct bytes text, enum configures, bool *targets, struct condition **out,
                              struct complaint *why) MUST_CHECK;
/* Whether such a text asks for modules: "from devices.modules …". */
bool configuration_is_of_modules(struct bytes text);
/* Which kind of content it has, and that; ERR_ARGUMENT: none, or several. */
enum err configuration_content(json_t *content, enum configures *kind, json_t **settings) MUST_CHECK;
/* Settings of one twin: ERR_ARGUMENT, and `bad` is the last one that was looked at; lent by the settings. */
enum err configuration_check(json_t *settings, const char **bad) MUST_CHECK;
/* Of a document. ERR_DAMAGED, ERR_MEMORY. */
enum err configuration_read(const struct doc *, struct bytes body, struct configuration *out) MUST_CHECK;
void configuration_clear(struct configuration *);
/* True if the document is that of one that was deleted. */
static inline bool configuration_is_gone(struct bytes body)
{
    return !body.len;
}
