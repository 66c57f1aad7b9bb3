/* The running hub: stores, core, loops and listeners, and the thread that keeps house. */
#pragma once

#include "blobs.h"
#include "capacity.h"
#include "data.h"
#include "front.h"
#include "hub_time.h"
#include "net.h"
#include "outside_worker.h"
#include "strangers.h"
#include "worker.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    LOOPS_MAX = 64,
    DOORS = 3,
    GRACE_MS = 3000,
    CHECKPOINT_MS = 3000,
    FULL_CHECKPOINT_MS = 250, /* while messages are refused for want of room */
    HURRY_FILES = 4,          /* of the log are written at most before the next one */
    DAY_MS = 86400 * 1000,
    KEEPING_MAX_MS = 600 * 1000
};

/* Makes a conversation for each connection of a listener. */
struct door {
    const char *protocol; /* "mqtts" */
    const struct front_env *env;
    enum err (*make)(const struct front_env *, const struct peer *, int64_t now_ms, struct talk **out);
};

struct server {
    struct config config;
    struct data data;
    struct hub *hub;
    struct hub_time time;
    struct tls *tls;
    struct limiter *limiter;
    struct challenges *challenges;
    struct enrollment_groups *groups;
    struct outside_worker *outside;
    struct blobs blobs;
    struct worker *worker;
    struct strangers strangers;
    struct capacity capacity;
    struct net_gate *gate;
    struct front_env env;
    char names_text[VALUE_CAP];
    const char *names[NAMES_CAP + 1];
    struct door doors[DOORS];
    int ports[DOORS];
    struct net_loop *loops[LOOPS_MAX];
    pthread_t threads[LOOPS_MAX];
    int n_loops, n_threads; /* the ticker, the keeper and the watcher count as threads too */
    int argc;
    char **argv; /* read again by server_reload() */
    _Atomic bool ready, stopping;
    _Atomic uint64_t ticks;                /* of the ticker */
    _Atomic int64_t kept_ms;               /* when the keeper last began a round, by the steady clock */
    pthread_t ticker;                      /* tells the hub that time passes */
    pthread_t keeper;                      /* keeps house: checkpoints, certificates */
    pthread_t watcher;                     /* looks how much memory there is */
    pthread_mutex_t lock;                  /* of `stopping`, `nudge` and `hurry` */
    bool nudge;                            /* the ticker is asked for a turn */
    bool hurry;                            /* and the keeper for a round */
    _Atomic bool hurried;                  /* since its last one */
    _Atomic uint64_t kept_at, hurry_bytes; /* the log's end at the last round; how far it may grow until the next */
    struct served served;                  /* for the keeper, */
    int64_t paced_us;                      /* which works since then, by the monotonic clock */
    bool full;                             /* there is no room, and a checkpoint may make some: no time for others */
    pthread_mutex_t certs;                 /* of the certificate files and where they are */
    pthread_cond_t stop;
};

/* How far everything was at a look. */
struct server_moved {
    bool looked;
    uint64_t turns[LOOPS_MAX], ticks;
    uint64_t durable, end; /* of the log */
};

/* Each prints its own message when it fails, and gives the exit status or 0. server_close() undoes whatever was done.
 */
int server_open(struct server *s);
int server_listen(struct server *s);
int server_start(struct server *s);
/* True when everything that must go on has gone on since the call before; what has not is named. For one thread; it
 * asks loops and ticker for a turn, and so must not be called more often than they turn. */
bool server_moves(struct server *s, struct server_moved *since, const char **stuck);
/* Ends loops and threads, writes the last checkpoint, frees. */
void server_close(struct server *s);
/* Configuration again: certificates and the log change without dropping a connection; everything else needs a restart.
 * The operator says with it, too, that the system's clock is right. */
void server_reload(struct server *s);
