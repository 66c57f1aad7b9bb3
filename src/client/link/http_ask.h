/* An HTTP request, while the loop is run for it. */
#pragma once

#include "account.h"
#include "http_talk.h"

struct http_ask {
    const char *method;
    struct bytes target;
    struct bytes token;                  /* at == NULL: none */
    struct bytes body;                   /* JSON */
    const char *if_match, *continuation; /* NULL: none */
    size_t most;                         /* rows of a page; 0: the hub's own number */
};

/* Runs the loop until there is an answer, for at most limit_ms (-1: what the account says of one request). D2D_OK: it
 * is in h->in, whatever its status; otherwise the account's detail says why. http_talk_close(h) in any case. */
enum d2d_err http_ask(struct account *, const struct http_ask *, int64_t limit_ms, struct http_talk *h);
