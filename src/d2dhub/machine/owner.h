/* Whose a data folder is. What root makes or has left in it belongs to that user, so that the service, which is not
 * root, can use it. For anybody but root there is nothing to do. */
#pragma once

#include "config.h"

#include <sys/types.h>

struct owner {
    bool other; /* this process is root, and the folder is somebody else's; without it the functions below do nothing */
    uid_t uid;
    gid_t gid;
    char name[64]; /* "": a user without a name, as in containers */
};

/* The user of the configuration, else whose the folder is, else, for the folder of the service, the service's user if
 * there is one. On failure a message was printed and the exit status is given; 0 else. */
int owner_of(const struct config *c, const char *command, struct owner *out);
/* Between the two, files are made and read as the owner. */
enum err owner_begin(const struct owner *) MUST_CHECK;
void owner_end(const struct owner *);
/* The folder itself, and all below it. */
enum err owner_take_folder(const struct owner *, const char *folder) MUST_CHECK;
enum err owner_take_all(const struct owner *, const char *folder) MUST_CHECK;
/* For good. */
enum err owner_become(const struct owner *) MUST_CHECK;
