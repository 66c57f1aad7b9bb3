/* The folder `blobs` of the data folder (service 4.10): a container is a folder in it, a blob a file in that. Only
 * their owner reads them: an export holds keys. */
#pragma once

#include "config.h"
#include "transfer.h"

struct blobs {
    char folder[PATH_CAP];
    struct job_files files;
};

/* The folder is made when something is written. */
void blobs_in(struct blobs *, const struct config *);
