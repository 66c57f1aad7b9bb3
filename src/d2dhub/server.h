/* The running hub: stores, core, loops and listeners, and the thread that keeps house. */
#pragma once

#include "data.h"
#include "joint.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LOOPS_MAX = 64, DOORS = 3, GRACE_MS = 3000, CHECKPOINT_MS = 3000, DAY_MS = 86400 * 1000 };

struct server {
    struct config config;
    struct data data;
    struct hub *hub;
    struct tls *tls;
    struct limiter *limiter;
    struct front_env env;
    const char *names[NAMES_CAP + 1];
    struct door doors[DOORS];
    int ports[DOORS];
    struct net_loop *loops[LOOPS_MAX];
    pthread_t threads[LOOPS_MAX];
    int n_loops;
    _Atomic bool ready, stopping;
    /* Housekeeping: checkpoints, certificates. */
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t stop;
};

/* Each prints its own message when it fails, and gives the exit status or 0. server_close() undoes whatever was done. */
int server_open(struct server *s);
int server_listen(struct server *s);
int server_start(struct server *s);
/* Ends loops and threads, writes the last checkpoint, frees. */
void server_close(struct server *s);
/* Certificates again from their files. */
void server_reload(struct server *s);
