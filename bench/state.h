/* A load of one kind on a hub, or on a server that sends back what it gets. Each end of it has a connection and asks
 * for something; an answer makes it ask again, until the time is over. */
#pragma once

#include "client.h"
#include "http.h"
#include "tally.h"

enum kind {
    KIND_ECHO,    /* a line comes back: what TLS and the kernel take */
    KIND_MESSAGE, /* a message with QoS 1 is acknowledged */
    KIND_REPORT,  /* a patch of reported properties is acknowledged */
    KIND_CALL,    /* a direct method is answered: each caller has a device of its own */
};

enum { WINDOW_MAX = 4096, ENDS_MAX = 2000 };

struct state {
    const char *ca_file, *devices_file, *owner_file;
    uint64_t port, https_port, ends, window, size, seconds, server_pid;
    enum kind kind;
    struct net_loop *loop;
    struct tls *tls;
    struct end *all, *callers; /* callers: of KIND_CALL */
    char token[SAS_LEN_MAX];   /* of callers */
    uint8_t *body;
    struct hist took;
    uint64_t ready, asked, answered;
    bool running, failed, stopping;
};

struct end {
    struct talk talk; /* first */
    struct state *state;
    struct device device;
    struct http_in in; /* of a caller */
    uint64_t asked, answered;
    int64_t *asked_us; /* a ring as large as the window: answers come in order */
};

/* Its connection begins. False: said why. */
bool end_connect(struct end *);
/* Asks as often as its window permits. On the loop's thread, while `running`. */
void end_ask(struct end *);
