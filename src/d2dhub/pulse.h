/* Signs of life for a service manager, by a thread of its own (sd_notify): that a long start goes on, and, while the
 * hub serves, that nothing is stuck. Somebody who has no service manager finds it in the log. */
#pragma once

#include "server.h"

struct pulse {
    struct server *server; /* NULL while it is being opened */
    bool running, end;
    clockid_t opener; /* the processor time of the thread that opens */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
};

/* Of the thread that is going to open the hub. Without a thread to be had there is no pulse. */
void pulse_begin(struct pulse *);
/* The hub is open and serves. */
void pulse_serve(struct pulse *, struct server *);
/* Before the server is closed. */
void pulse_end(struct pulse *);
