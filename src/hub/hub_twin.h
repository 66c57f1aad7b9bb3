/* Twins (device 2.12, service 4.6): the tags of an identity, the properties that a service desires of it and those that
 * it reports. It is a part of hub.h. Every change makes a new version; none is lost, whoever makes it. */
#pragma once

#include "twin_parse.h"

/* A change by a service. */
struct twin_change {
    struct bytes part[TWIN_PARTS]; /* JSON objects; at == NULL: the section is left alone */
    bool replace;                  /* those that are given become exactly this; else it is merged into them */
    struct match match;            /* MATCH_NONE and MATCH_ANY: whatever it is */
    struct bytes by, digest;       /* the configuration that does it (service 4.10), or nothing */
};

/* ERR_NOT_FOUND: no such identity. ERR_PRECONDITION: the ETag. ERR_MALFORMED, ERR_ARGUMENT and ERR_TOO_LARGE (a section
 * would be over its limit): `fault` says why, and nothing is changed. ERR_BUSY, ERR_DISK_FULL. Patches that say nothing
 * change nothing, and *at is 0. */
enum err hub_twin_change(struct hub *, struct bytes id, const struct twin_change *, int64_t now_ms,
                         struct twin_fault *fault, uint64_t *at) MUST_CHECK;

/* Judges such a change that makes a section exactly this, as far as the text alone can say. */
enum err hub_twin_check(const struct hub *, enum twin_part, struct bytes json, struct twin_fault *) MUST_CHECK;

/* A device's report: a patch. `expected`: the version of the section that it knows, or ERR_PRECONDITION; -1: any.
 * *version is the one that it makes. ERR_QUOTA, and what seat_state() says, besides the above. */
enum err hub_twin_report(struct seat *, struct bytes patch, int64_t expected, int64_t now_ms, struct twin_fault *fault,
                         int64_t *version, uint64_t *at) MUST_CHECK;

/* Notes the model that it says it is (device 2.2). No record, and *at is 0, if that is known. */
enum err hub_model_set(struct seat *, struct bytes model, int64_t now_ms, uint64_t *at) MUST_CHECK;

enum twin_form {
    TWIN_FOR_DEVICE, /* {"desired":{…,"$version":n},"reported":{…,"$version":n}} */
    /* "tags":{…},"properties":{"desired":{…},"reported":{…}}: members of the document, with metadata; no tags where
     * there are none */
    TWIN_FOR_SERVICE,
};

/* Texts end with NUL. */
struct twin_head {
    char etag[TWIN_ETAG_CAP]; /* without quotes */
    int64_t version, desired_version, reported_version;
    uint64_t at; /* the place of its last change: an answer that shows it waits for that; 0: it is durable */
    char model[MODEL_LEN_MAX + 1];
};

/* Appends it as JSON, at most TWIN_JSON_MAX bytes; `head` and `device`, which may be NULL, are of the same moment. */
enum err hub_twin_read(struct hub *, struct bytes id, enum twin_form, struct buf *json, struct twin_head *head,
                       struct device *device) MUST_CHECK;
/* All but the place. */
void twin_head_of(struct bytes run, struct twin_head *out);

/* Appends the run (twin_run.h), which is empty for a twin that nobody has written yet. For whoever looks at many: what
 * is not in memory does not come there. `device` and `at` (as in twin_head) may be NULL. */
enum err hub_twin_copy(struct hub *, struct bytes id, struct buf *run, struct device *device, uint64_t *at) MUST_CHECK;

/* ---- for whoever looks at all ----------------------------------------------------------------------------------- */

/* Devices, or modules, and their twins, read a slice at a time by going through the checkpoint instead of asking it for
 * each. Nothing comes into memory. Used by one thread at a time. */
struct twin_walk;

enum err hub_twin_walk_new(struct hub *, bool modules, struct twin_walk **out) MUST_CHECK;
void hub_twin_walk_free(struct twin_walk *);
/* Appends the names of those behind `after`, at most `max`, each with a NUL behind it; some may be gone. *last: there
 * are no more. */
enum err hub_twin_walk_names(struct twin_walk *, struct bytes after, size_t max, struct buf *names,
                             bool *last) MUST_CHECK;
/* As hub_twin_copy(), of any name, as it is now; those of hub_twin_walk_names(), in their order, are the cheap ones.
 * Lent until the next call. */
enum err hub_twin_walk_read(struct twin_walk *, struct bytes name, const struct device **device,
                            struct bytes *run) MUST_CHECK;

/* ---- the device is told of changes of what is desired ---------------------------------------------------------- */

/* Whether the holder of the seat wants to hear of them: of those that come from now on. */
void hub_desired_take(struct seat *, bool takes);

struct desired {
    int64_t version;
    struct bytes json; /* the patch, with "$version" at its end; lent by `room` */
};

/* The next change, in order, and each once; only what is durable. If more wait than DESIRED_WAITING, one patch stands
 * for all behind them: it makes of the section what it is now. ERR_NOT_FOUND: none, the waker will tell. Cheap when
 * there is none. */
enum err hub_desired_next(struct seat *, struct buf *room, struct desired *out) MUST_CHECK;
