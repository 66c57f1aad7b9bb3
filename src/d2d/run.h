/* A program for each message: its body on standard input, its properties in the environment. */
#pragma once

#include "buf.h"
#include "d2d.h"
#include "list.h"

#include <sys/types.h>

struct variable {
    const char *name, *value;
};

/* The reason to start a program. */
struct occasion {
    const struct variable *variables; /* NULL name at the end */
    const struct d2d_property *properties;
    size_t n_properties;
    const void *body;
    size_t body_len;
};

/* A copy of an occasion, and the program that runs for it. */
struct job {
    struct list link; /* for whoever keeps several */
    uint64_t lock;    /* and of what message it is */
    struct buf environment, body;
    pid_t child; /* 0: not started, or ended */
    bool keeps;  /* what it prints is kept, up to what fits */
    int output;  /* where, once it was started; -1: nowhere */
};

/* NULL without memory. Environment: the variables, and D2D_PROP_NAME for each property, its name in capitals with
 * everything but letters and digits as '_'. A sender can thus set no other variable. */
struct job *job_new(const struct occasion *);
void job_free(struct job *); /* also NULL */
/* Starts `sh -c command`; false when it could not be. */
bool job_start(struct job *, const char *command);
/* The exit status, 128 and more for a signal; -1: it could not be asked. False: it runs on, which `wait` does not let
 * be. */
bool job_ended(struct job *, bool wait, int *status);

/* Of one that keeps what it prints, once it has ended: appends it. */
bool job_output(const struct job *, struct buf *out);

/* All of that at once: the exit status, or -1. */
int run_program(const char *command, const struct occasion *);
