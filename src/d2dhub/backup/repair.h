/* The parts of a repair: of a folder that is only read, what is whole goes into a new one. */
#pragma once

#include "data.h"
#include "errand.h"
#include "log_salvage.h"
#include "salvage.h"
#include "state_salvage.h"

/* Something of the checkpoint's file is damaged. */
struct state_damage {
    uint64_t offset;
    char what[200];
    struct key_facts key; /* of the value that it costs; `what` NULL: it is not known what it costs */
};

struct repair {
    struct errand errand;
    const struct config *config; /* of the source */
    struct config fresh;         /* of the folder in which the new one is made */
    char to[PATH_CAP];
    int log_lock, state_lock;
    uint64_t lost; /* that cannot be had any more */
    /* The log: */
    struct log_files files;
    bool has_log;
    struct log_salvage log;
    uint64_t records;
    struct salvage_seen seen;
    /* The checkpoint: */
    char state_file[PATH_CAP];
    bool has_state;
    struct salvage state;
    struct state_damage *damage;
    size_t n_damage;
    uint8_t id[STORE_ID]; /* of the log to which it belongs */
    bool has_id;
    uint64_t first; /* the oldest place that this has; UINT64_MAX: nobody knows */
    /* The fate of it: */
    bool anew;      /* the log holds everything: there is nothing to take from the checkpoint */
    bool jumps;     /* more may have been given than is known: these numbers are left out */
    uint64_t place; /* of the new checkpoint */
    uint64_t most;  /* no partition has reached this number */
};

/* "lost: FILE, byte OFFSET: WHAT", for people or as JSON; counted where it is a loss. Unknown numbers are -1, an
 * unknown device "". */
struct loss {
    const char *file;
    uint64_t offset, length;
    const char *what, *device;
    int partition;
    int64_t sequence;
    bool is_lost; /* false: damaged, and nothing is lost by it */
};
void repair_tell(struct repair *, const struct loss *);

/* repair_log.c: copies it, and tells of its damage. */
bool repair_log(struct repair *);
/* The new log goes on, or begins, where no number can have been given. */
bool repair_log_jump(struct repair *);

/* repair_state.c: reads the checkpoint, without a word. */
bool repair_state_look(struct repair *);
bool repair_state_is_whole(const struct repair *);
bool repair_state_write(struct repair *);
/* Tells of its damage, once the new hub shows what the log has brought back; NULL: there is no new one. */
void repair_state_tell(struct repair *, struct hub *);

/* repair_rest.c: configuration and certificates. */
bool repair_rest(struct repair *);
/* Facts about the hub from hub.json. The birth has no name where there is no such file. */
enum { SAID_MAX = 8 };
void repair_facts(const struct repair *, struct hub_birth *birth, struct policy said[SAID_MAX], size_t *n);
