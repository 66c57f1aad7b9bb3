/* Files of a log must not go while they are copied: the process that copies them holds a byte of the file `lock` of the
 * log's folder (a shared lock), and trimming, which takes it exclusively without waiting, is left for later. A copy
 * that stands still, or a full disk, does not stop it: then the files go, and the copy is told. */
#pragma once

#include "bytes.h"

enum { HOLD_STILL_MS = 10 * 60 * 1000 }; /* a copy that has not moved for so long does not count any more */

/* ---- of the hub ------------------------------------------------------------------------------------------------ */

struct trim_gate {
    int fd; /* -1: there is none, and nothing is held up */
    uint64_t moves;
    int64_t since_ms; /* they were seen to change */
    bool held;
};

void trim_gate_open(struct trim_gate *, const char *folder);
/* Whether files may go now. If so, trim_gate_leave() comes behind. `urgent`: they must. */
bool trim_gate_enter(struct trim_gate *, bool urgent, int64_t monotonic_ms) MUST_CHECK;
void trim_gate_leave(struct trim_gate *);
void trim_gate_close(struct trim_gate *);

/* ---- of whoever copies ----------------------------------------------------------------------------------------- */

struct hold {
    int fd;
    uint64_t moves, overtaken;
};

/* False: errno says why; EAGAIN: the hub is trimming, try again. A folder that is read-only and has no such file
 * needs no lock: no hub writes there. */
bool hold_take(struct hold *, const char *folder) MUST_CHECK;
/* Now and then: the copy moves. */
void hold_move(struct hold *);
/* Nothing that it copies has gone since hold_take(). */
bool hold_is_kept(const struct hold *);
void hold_drop(struct hold *);
