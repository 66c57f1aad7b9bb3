/* The names in the bodies of requests. The service's own parser takes them in any case (service 4.1), and so do we: a
 * body is brought into the one spelling that everything here reads, and what stands under a known name in another form
 * than it has is refused by name, never passed over. Unknown names are left alone; SDKs send many. */
#pragma once

#include "json_body.h"

enum json_names {
    NAMES_DEVICE, /* an identity, alone or in bulk */
    NAMES_ENROLLMENT,
    NAMES_ENROLLMENTS, /* many of them */
    NAMES_REGISTER,
    NAMES_QUERY,
    NAMES_CERTIFICATE,
    NAMES_BATCH, /* a message of a batch */
    NAMES_CALL,  /* a direct method */
    NAMES_TWIN,
    NAMES_JOB,
    NAMES_TRANSFER, /* an import or export */
    NAMES_CONFIGURATION,
    NAMES_STORAGE, /* where an import or export of the oldest clients is */
    JSON_NAMES_END,
};

/* ERR_ARGUMENT: `why` is a sentence that names what is wrong. */
enum err json_spell(json_t *root, enum json_names, char why[JSON_WHY_CAP]) MUST_CHECK;
