/* A load on an MQTT server, and the reading of what comes out at its other end. */
#pragma once

#include "bytes.h"
#include "net.h"
#include "tally.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STAMP_LEN = 16 /* connection, number, time due: what each message begins with */, CONNECTIONS_MAX = 10000 };

struct load_options {
    const char *ca_file, *devices_file, *service; /* service: the receiver reads a hub over AMQP; else MQTT `bench/#` */
    uint64_t port, amqps_port, connections, qos, window, size, seconds, count, rate, server_pid;
    bool idle;   /* connect only, and tell the memory of the server */
    bool silent; /* nobody receives */
};

/* A thread of its own. Its tallies are read when it has ended. */
struct receiving {
    const struct load_options *options;
    struct arrivals *from; /* by connection */
    struct hist delivery;
    atomic_uint_fast64_t n;
    atomic_bool listening, failed, stop;
    pthread_t thread;
};

enum err receiving_start(struct receiving *r, const struct load_options *o) MUST_CHECK;
void receiving_stop(struct receiving *r); /* and waits for the thread */
