/* Import and export of the registry (service 4.10). What the contract has in containers of a blob store are files in a
 * folder of the hub: a container is a folder in it, a blob a file in that. Which files a job reads and writes is kept
 * with it as JSON, in the members that a request has. */
#pragma once

#include "bytes.h"
#include "ceilings.h"
#include "err.h"

/* Reads and writes those files, for who must not know any. Names are checked already. */
struct job_files {
    /* Up to cap bytes from there; *n 0: that is the end. ERR_NOT_FOUND, ERR_IO. */
    enum err (*read)(void *ctx, const char *container, const char *blob, uint64_t at, uint8_t *out, size_t cap,
                     size_t *n);
    enum err (*size)(void *ctx, const char *container, const char *blob, uint64_t *out);
    /* The file ends behind what is written. At 0 it is made, with its folder; `synced`: it is on the disk then. ERR_IO,
     * ERR_DISK_FULL. */
    enum err (*write)(void *ctx, const char *container, const char *blob, uint64_t at, struct bytes text, bool synced);
    /* A file that was written under a name beside it gets that name, and is on the disk. ERR_IO. */
    enum err (*keep)(void *ctx, const char *container, const char *beside, const char *blob);
    void (*drop)(void *ctx, const char *container, const char *blob);
    void *ctx;
};

struct transfer {
    char in[CONTAINER_MAX + 1], in_blob[BLOB_MAX + 1]; /* "": there is none */
    char out[CONTAINER_MAX + 1], out_blob[BLOB_MAX + 1];
    char configurations[BLOB_MAX + 1]; /* a file beside that of devices; "": they are left out */
    bool keys;
};

#define TRANSFER_BLOB "devices.txt"
#define TRANSFER_CONFIGURATIONS "configurations.txt"
#define TRANSFER_ERRORS "importErrors.log"
#define TRANSFER_CONFIGURATION_ERRORS "importConfigErrors.log"

/* The container that a URI names: the last part of its path, of lower-case letters, digits and -. False: it names none
 * that can be. */
bool transfer_container(struct bytes uri, char out[CONTAINER_MAX + 1]);
/* Letters, digits, . - and _, the first no dot: a file's name, never a path. */
bool transfer_blob_valid(struct bytes name);
/* ERR_DAMAGED. */
enum err transfer_read(struct bytes document, struct transfer *out) MUST_CHECK;
