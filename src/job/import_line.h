/* A line of a file that is imported: how what it is about stands, and how it is carried out. One table for lines of
 * devices and modules, one for lines of configurations (service 4.10). */
#pragma once

#include "entry.h"
#include "json_names.h"
#include "twin_run.h"

/* An identity and its twin by their ETags, or a configuration by its own; "": it is not there. */
struct before {
    char identity[24], twin[TWIN_ETAG_CAP];
};

struct line {
    json_t *root;
    struct bytes text;
    unsigned done; /* of an entry: what is done with the identity (entry.h) */
};

struct line_ops {
    const char *errors; /* the log of those that fail */
    enum json_names names;
    struct {
        const char *name, *from; /* how the log tells its ids; the last one is NULL */
    } ids[3];
    enum err (*look)(struct hub *, const struct line *, struct before *out);
    /* Finds the rest of one that may have been begun when it stood as `was`. False: nothing is left. */
    bool (*rest)(struct line *, const struct before *was, const struct before *is);
    /* `half`: what it is about is there, but not all that the line says. */
    enum err (*run)(const struct changer *, const struct line *, bool *half, struct entry_fault *);
};

extern const struct line_ops line_of_devices, line_of_configurations;
