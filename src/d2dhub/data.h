/* The stores of a data folder, opened together, and the source of chance that the hub gets as an argument. */
#pragma once

#include "config.h"
#include "hub.h"
#include "state.h"
#include "store.h"

struct data {
    struct store *store;
    struct state *state;
    struct hub_options options; /* for hub_init() and hub_open() */
};

/* False: nobody ever made a hub there. */
bool data_exists(const struct config *c);
/* Log and checkpoint, which belong together: `options` stays empty. On failure nothing is open, and `why` says it in
 * one sentence, with the remedy. ERR_BUSY: a hub runs there. */
enum { DATA_WHY_CAP = 3 * PATH_CAP };
enum err data_open_stores(const struct config *c, struct data *out, char why[DATA_WHY_CAP]) MUST_CHECK;
void data_close_stores(struct data *);
/* On failure a message was printed and nothing is open. */
enum err data_open(const struct config *c, struct data *out) MUST_CHECK;

void random_bytes(void *ctx, uint8_t *out, size_t len);
