/* The common part of `d2dhub check`. */
#pragma once

#include "config.h"

struct checking {
    struct config config;
    bool running; /* a hub holds the log: its ports are taken, and rightly so */
    bool problem;
};

enum verdict { FINE, WARNING, PROBLEM };

/* A line a check: what was looked at, how it is, what to do. */
void check_say(struct checking *, enum verdict, const char *what, const char *remedy);

/* ---- check_net.c */
void check_ports(struct checking *);
/* The name of the hub leads to this computer. */
void check_name(struct checking *);
