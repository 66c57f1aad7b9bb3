/* A configuration as a client writes it, brought into the one form in which it is kept (service 4.11). */
#pragma once

#include "configuration.h"
#include "entry_fault.h"

/* Numbers of what is wrong (service 8.2). */
enum {
    CONFIGURATION_BAD = 400004,
    CONFIGURATION_BAD_TARGET = 400401,
    CONFIGURATION_BAD_CONTENT = 400402,
    CONFIGURATION_OTHER_CONTENT = 400403,
    CONFIGURATION_BAD_METRICS = 400404,
    CONFIGURATION_MISSING = 404301,
    CONFIGURATION_EXISTS = 409401,
    CONFIGURATION_TOO_LARGE = 413000,
    CONFIGURATION_TOO_MANY = 413101,
};

bool configuration_id_valid(const char *id);
/* Fills `to`, an empty object. ERR_ARGUMENT: the fault says why. */
enum err configuration_take(const char *id, const json_t *root, json_t *to, struct entry_fault *) MUST_CHECK;
/* The target condition alone, and the query of a metric. */
enum err configuration_take_target(const json_t *root, json_t *to, enum configures, struct entry_fault *) MUST_CHECK;
enum err configuration_check_query(const char *name, const json_t *query, struct entry_fault *) MUST_CHECK;
