/* A section, or a patch of one, as somebody sends it: JSON text becomes nodes (twin_run.h), or a sentence that says
 * what is wrong with it. */
#pragma once

#include "twin_run.h"

enum { TWIN_PATH_CAP = 64, TWIN_WHY_CAP = 160 };

/* The fault of a text, for the message of an error. Texts end with NUL, and are cut where they are longer. */
struct twin_fault {
    char path[TWIN_PATH_CAP]; /* where, as in properties.desired.a.b */
    char why[TWIN_WHY_CAP];   /* a sentence, which names the place and the limit */
};

/* Appends an object of nodes without times. `whole`: this is what the section becomes, in which nulls are refused; else
 * it is a patch, in which they delete. $metadata and $version of the section itself are passed over: clients send what
 * they have read (service 4.6). ERR_MALFORMED: it is no JSON in UTF-8, or has a key twice. ERR_ARGUMENT: a
 * rule (device 7.1). ERR_TOO_LARGE: the buffer is full. The stack that it takes does not depend on the text. */
enum err twin_parse(struct bytes json, enum twin_part part, bool whole, struct buf *nodes,
                    struct twin_fault *fault) MUST_CHECK;

/* The section as it is called in texts. */
const char *twin_part_name(enum twin_part part);
