/* A position among the events of a partition. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The position to begin at (service 2.6). A position older than what is kept begins at the oldest. */
struct position {
    enum { FROM_EARLIEST, FROM_LATEST, FROM_OFFSET, FROM_SEQUENCE, FROM_TIME } from;
    bool inclusive; /* >= instead of > */
    int64_t value;  /* offset, sequence number, ms since 1970 */
};
