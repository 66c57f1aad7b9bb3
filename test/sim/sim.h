/* A simulated hub with devices that send and receivers that read, and the ledger of what was sent: what the log must
 * hold. */
#pragma once

#include "hub_world.h"

enum { DEVICES = 24, RECEIVERS = 10, PARTITIONS = 4, SENT_MAX = 4096, CONNECTIONS = 16 };

/* A message that hub_send() took. The ledger of a partition is in the order of the log. */
struct sent {
    uint64_t at;
    int64_t ms;
    unsigned device, counter; /* the device's own count: it only grows */
};

struct ledger {
    struct sent sent[SENT_MAX];
    size_t n;
    int64_t last_ms;
};

struct connection {
    struct seat *seat; /* NULL: none */
    struct bell bell;
    unsigned device;
    enum err state; /* what the hub must say of the seat */
};

struct sim_device {
    char id[16];
    bool there, disabled;
    unsigned partition, counter;
    struct connection *sits;
};

struct receiver {
    struct reader *reader; /* NULL: none */
    struct bell bell;
    bool resumes; /* goes on behind what it saw last, for ever: it must see everything once */
    unsigned partition;
    int only;        /* this device, or -1 */
    size_t next;     /* in the ledger: the first that it may want */
    uint64_t min_at; /* it wants none below these */
    int64_t min_ms;
    bool waits;
    unsigned rung; /* when it began to wait */
};

struct sim {
    struct world w;
    struct sim_device devices[DEVICES];
    struct connection connections[CONNECTIONS];
    struct receiver receivers[RECEIVERS];
    struct ledger ledgers[PARTITIONS];
    bool full; /* the disk */
};

/* sim_check.c: what must be true. */

/* Index of the next event in the ledger that the receiver wants, can be read, and is below the place; or ledger.n. */
size_t sim_wanted(const struct sim *s, const struct receiver *r, uint64_t below);
/* It was read just now: it is the next one that this receiver wants, and durable. */
void sim_check_event(struct sim *s, struct receiver *r, const struct event *e);
/* A reader that waits has nothing to read, or was woken. */
void sim_check_wakes(struct sim *s);
/* The hub says what the model says. */
void sim_check_state(struct sim *s);
/* With everything durable, behind a checkpoint: each partition knows its oldest event. */
void sim_check_oldest(struct sim *s);
/* With everything durable: the hub that starts from the checkpoint, and one that has only the log, know the same. */
void sim_check_replay(struct sim *s);
