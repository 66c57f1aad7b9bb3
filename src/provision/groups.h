/* Enrollment groups, as far as it decides whom they fit: each is parsed once, and again when it has changed. A
 * registration without an enrollment of its own is compared with all of them, which must not cost the loop a JSON text
 * and certificates each time. From any thread. */
#pragma once

#include "enrollment.h"

struct enrollment_group {
    char id[ID_LEN_MAX + 1];
    char etag[24];
    int64_t created_ms, updated_ms;
    bool disabled;
    struct key_bytes keys[2]; /* attested by symmetric keys; else empty */
    /* Attested by certificates of a CA: its own, here as a number that stands for its subject, or one of the hub. */
    bool has_authority[2];
    uint32_t authority[2];
    char ca[2][CA_NAME_MAX + 1];
};

/* By name, as they are kept. */
struct enrollment_group_list {
    unsigned users;
    uint64_t version;
    size_t n;
    struct enrollment_group *at;
};

struct enrollment_groups;

enum err enrollment_groups_new(struct enrollment_groups **out) MUST_CHECK;
void enrollment_groups_free(struct enrollment_groups *);
/* How many texts were parsed so far. */
uint64_t enrollment_groups_parsed(const struct enrollment_groups *);

/* The groups as they are now; without env->groups they are all parsed anew. Lent until it is given back. ERR_DAMAGED,
 * ERR_MEMORY. */
enum err enrollment_groups_use(const struct front_env *, struct enrollment_group_list **out) MUST_CHECK;
void enrollment_groups_done(const struct front_env *, struct enrollment_group_list *);
/* Reads one of them as a whole. ERR_NOT_FOUND: it was deleted meanwhile; ERR_DAMAGED. */
enum err enrollment_group_read(const struct front_env *, const struct enrollment_group *,
                               struct enrollment *out) MUST_CHECK;
