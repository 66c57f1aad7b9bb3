/* Seals, kept beside the values of a checkpoint, so that no flipped bit passes for a value: each value ends with a
 * checksum of its key and itself, and one record, which has its own, says up to which place all is valid, how many
 * entries there are and what their checksums sum up to. Numbers are big-endian.
 *
 *   value:  the value | u64 checksum
 *   record: u8 2 | u64 place | u64 entries | u64 sum of their checksums | u64 checksum
 *
 * Checkpoints of before (form 1) hold values without checksums, and the place alone, in the machine's byte order. */
#pragma once

#include "buf.h"

enum { SEAL_LEN = 8, SUM_LEN = 1 + 3 * 8 + SEAL_LEN, STATE_BARE = 1, STATE_SEALED = 2 };

/* The tables in data.mdb, and the key of the record. */
#define STATE_TABLE "values"
#define STATE_TABLE_BARE "kept"
#define STATE_TABLE_SUM "meta"
#define STATE_SUM_KEY BYTES("place")

struct state_sum {
    uint64_t place, entries, seals;
};

uint64_t state_seal(struct bytes key, struct bytes value);
/* Writes the value and its checksum: value.len + SEAL_LEN bytes. */
void state_seal_put(uint8_t *to, struct bytes value, uint64_t seal);
/* Takes a stored value apart; false: it is not the one that was written for this key. */
bool state_unseal(struct bytes key, struct bytes stored, struct bytes *value, uint64_t *seal) MUST_CHECK;

void state_sum_write(const struct state_sum *, uint8_t to[SUM_LEN]);
/* *form: of the values that belong to it. False: damaged. */
bool state_sum_read(struct bytes record, struct state_sum *out, int *form) MUST_CHECK;

/* A key for a message: what is not ASCII text is shown as '?'. */
enum { STATE_KEY_TEXT_CAP = 96 };
const char *state_key_text(struct bytes key, char out[STATE_KEY_TEXT_CAP]);
