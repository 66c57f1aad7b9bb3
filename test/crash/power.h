/* A log whose power can be cut at every write: each write that is about to be synced, and each change of the folder, is
 * carried out on copies of the folder in all the ways in which a disk may leave it; each copy is opened as a log of its
 * own and held against what had been promised at that moment. */
#pragma once

#include "disk_io.h"
#include "disk_store.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RECORDS_MAX = 4000, BODY_MAX = 3000, FOLDER_CAP = 200 };

struct power {
    char folder[FOLDER_CAP], copy[FOLDER_CAP + 8];
    uint64_t seed, chance, segment_size;
    struct disk_io io;
    struct store *store;
    pthread_mutex_t files; /* nobody changes the folder while it is copied */
    /* Records that were appended: record i has body_of(i). The place is told after the append. */
    _Atomic uint64_t places[RECORDS_MAX];
    _Atomic size_t appended;
    _Atomic size_t may_be_gone;        /* records below this one may have been trimmed */
    size_t cuts;                       /* how many times the power was cut */
    _Atomic bool spoiled[RECORDS_MAX]; /* these cannot be read any more */
};

void power_on(struct power *p, uint64_t seed);
void power_off(struct power *p); /* closes and removes everything */
void power_open(struct power *p);
void power_close(struct power *p); /* the folder stays */

/* The next record; its bytes follow from seed and number. */
void power_append(struct power *p);
void power_trim(struct power *p, size_t below);
/* Opens the folder as it is with ordinary files, and checks that all `wanted` first records, and only what was
 * appended, are there. */
void power_check(struct power *p, const char *folder, size_t wanted);
/* A bit of a record that is on disk turns over, while the log is closed. Later writes must be on disk as well. */
void power_spoil(struct power *p, size_t number);
/* Everything that was appended is there, at its place, but for what lies in gaps: that many are missing. */
size_t power_missing(struct power *p, struct store *s);
uint64_t power_random(struct power *p, uint64_t below);
