/* An entry of a bulk request, or a line of an import (service 4.4, 4.10): an identity, what is to become of it, and of
 * its twin. */
#pragma once

#include "identity_change.h"

#include <jansson.h>

enum entry_mode {
    ENTRY_CREATE,
    ENTRY_CREATE_OR_UPDATE,
    ENTRY_CREATE_OR_UPDATE_IF_MATCH,
    ENTRY_UPDATE,
    ENTRY_UPDATE_IF_MATCH,
    ENTRY_DELETE, /* this one and what follows touch no twin beside the identity */
    ENTRY_DELETE_IF_MATCH,
    ENTRY_UPDATE_TWIN,
    ENTRY_UPDATE_TWIN_IF_MATCH,
    ENTRY_MODES,
};

struct entry {
    json_t *root;      /* an object, spelled as it should be (json_names.h); lent, as is: */
    struct bytes text; /* what it was parsed from */
    enum entry_mode mode;
    /* A line of an import, which may have come from an export: it says how modules authenticate that the hub makes, the
     * ETag of its twin counts only where the mode says so, and what is new has reported what it says. */
    bool import;
    enum { ENTRY_NOTHING, ENTRY_MADE, ENTRY_CHANGED } done; /* with the identity: only its twin is left */
};

/* Its mode by the importMode that it says, in any case. ENTRY_MODES: there is no such mode; `otherwise`: it says none.
 */
enum entry_mode entry_mode_of(const json_t *, enum entry_mode otherwise);
/* The name of its identity. False: the ids are none. */
bool entry_name(const json_t *, char name[IDENTITY_LEN_MAX + 1]);

/* The ETag that a member of it holds, with the quotes that some clients leave on it. */
struct match entry_match(const json_t *, const char *name);

/* Carries it out. *at grows to the place that an answer has to wait for. OK with *half: the identity is new and stands,
 * but its twin is as that of any new one; `fault` says why. */
enum err entry_run(const struct changer *, const struct entry *, uint64_t *at, bool *half,
                   struct entry_fault *) MUST_CHECK;
