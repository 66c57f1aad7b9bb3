/* Every way in which something can fail, and its text. Only `front` turns one into a code of a protocol. */
#pragma once

#include "bytes.h"

#define ERRS(X)                                                                     \
    X(ERR_MEMORY, "out of memory")                                                  \
    X(ERR_MALFORMED, "this is not well-formed")                                     \
    X(ERR_PROTOCOL, "the protocol does not allow that here")                        \
    X(ERR_UNSUPPORTED, "this is not supported")                                     \
    X(ERR_ARGUMENT, "an argument is not valid")                                     \
    X(ERR_RANGE, "an argument is out of range")                                     \
    X(ERR_TOO_LARGE, "this is larger than the limit")                               \
    X(ERR_LIMIT, "a limit is reached")                                              \
    X(ERR_UNAUTHORIZED, "these credentials are not valid")                          \
    X(ERR_EXPIRED, "this token has expired")                                        \
    X(ERR_DENIED, "this identity does not have the right to do that")               \
    X(ERR_DISABLED, "this device is disabled")                                      \
    X(ERR_NOT_FOUND, "it does not exist")                                           \
    X(ERR_EXISTS, "it already exists")                                              \
    X(ERR_PRECONDITION, "it was changed in the meantime (the ETag does not match)") \
    X(ERR_STOLEN, "another connection of the same identity took over")              \
    X(ERR_LOCK_LOST, "the lock of this message is lost")                            \
    X(ERR_CLOSED, "the other side closed the connection")                           \
    X(ERR_IDLE, "the other side was silent for too long")                           \
    X(ERR_TIMEOUT, "it timed out")                                                  \
    X(ERR_BUSY, "too much at once; try again later")                                \
    X(ERR_QUOTA, "the quota is used up")                                            \
    X(ERR_FULL, "the queue is full")                                                \
    X(ERR_DISK_FULL, "the disk is full")                                            \
    X(ERR_DAMAGED, "the stored data is damaged")                                    \
    X(ERR_IO, "reading or writing failed")                                          \
    X(ERR_UNREACHABLE, "the other side could not be reached")                       \
    X(ERR_TLS, "the TLS handshake failed")                                          \
    X(ERR_FOREIGN, "another protocol is spoken there; is the port right?")          \
    X(ERR_UNTRUSTED, "the certificate of the other side is not trusted")            \
    X(ERR_CLOCK, "the clock of this computer is wrong")                             \
    X(ERR_REJECTED, "the receiver refused it")                                      \
    X(ERR_SHUTDOWN, "the hub is stopping")                                          \
    X(ERR_INTERNAL, "an error inside the program")

enum err {
    OK,
#define X(name, text) name,
    ERRS(X)
#undef X
        ERRS_END
};

/* A sentence without a full stop; never NULL. */
const char *err_text(enum err e);

/* The name without its prefix, in lower case with hyphens, for logs and scripts: "not-found". */
const char *err_name(enum err e);
