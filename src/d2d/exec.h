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
struct exec {
    struct list link; /* for whoever keeps several */
    uint64_t lock;    /* and of what message it is */
    struct buf environment, body;
    pid_t child; /* 0: not started, or ended */
    bool keeps;  /* what it prints is kept, up to what fits */
    int output;  /* where, once it was started; -1: nowhere */
};

/* NULL without memory. Environment: the variables, and D2D_PROP_NAME for each property, its name in capitals with
 * everything but letters and digits as '_'. A sender can thus set no other variable. */
struct exec *exec_new(const struct occasion *);
void exec_free(struct exec *); /* also NULL */
/* Starts `sh -c command`; false when it could not be. */
bool exec_start(struct exec *, const char *command);
/* The exit status, 128 and more for a signal; -1: it could not be asked. False: it runs on, which `wait` does not let
 * be. */
bool exec_ended(struct exec *, bool wait, int *status);

/* Of one that keeps what it prints, once it has ended: appends it. */
bool exec_output(const struct exec *, struct buf *out);

/* All of that at once: the exit status, or -1. */
int exec_and_wait(const char *command, const struct occasion *);
