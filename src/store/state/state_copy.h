/* A checkpoint as it is at one moment, while the hub of another process writes it. LMDB wants one environment for each
 * folder in a process: none of these where the hub itself has it open. */
#pragma once

#include "state.h"

/* Takes what is lent; false: enough, which makes ERR_REJECTED of the whole. */
typedef bool state_sink(void *ctx, struct bytes part);

/* The bytes of data.mdb as of the last transaction. A hub that commits meanwhile waits for no reader of these bytes. On
 * failure `why` names the file and the reason. */
enum err lmdb_state_copy(const char *folder, state_sink *sink, void *ctx, char why[256]) MUST_CHECK;
/* A state that is only read and does not change, however long it is open. `shared`: a hub may run there, in another
 * process; otherwise no file is made or locked. ERR_NOT_FOUND: there is no checkpoint. */
enum err lmdb_state_snapshot(const char *folder, bool shared, struct state **out) MUST_CHECK;
