#include "state_seal.h"

#include "map.h"

static void write_u64(uint8_t *to, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        to[i] = (uint8_t)v;
}

static uint64_t read_u64(const uint8_t *from)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | from[i];
    return v;
}

uint64_t state_seal(struct bytes key, struct bytes value)
{
    return bytes_hash(key, bytes_hash(value, 0));
}

void state_seal_put(uint8_t *to, struct bytes value, uint64_t seal)
{
    if (value.len)
        memcpy(to, value.at, value.len);
    write_u64(to + value.len, seal);
}

bool state_unseal(struct bytes key, struct bytes stored, struct bytes *value, uint64_t *seal)
{
    if (stored.len < SEAL_LEN)
        return false;
    *value = bytes_first(stored, stored.len - SEAL_LEN);
    *seal = read_u64(stored.at + value->len);
    return *seal == state_seal(key, *value);
}

void state_sum_write(const struct state_sum *s, uint8_t to[SUM_LEN])
{
    to[0] = STATE_SEALED;
    write_u64(to + 1, s->place);
    write_u64(to + 9, s->entries);
    write_u64(to + 17, s->seals);
    write_u64(to + 25, state_seal(STATE_SUM_KEY, bytes_of(to, 25)));
}

bool state_sum_read(struct bytes record, struct state_sum *out, int *form)
{
    struct bytes value;
    uint64_t seal;

    *out = (struct state_sum){0};
    *form = STATE_BARE;
    if (record.len == sizeof out->place) {
        memcpy(&out->place, record.at, sizeof out->place);
        return true;
    }
    *form = STATE_SEALED;
    if (record.len != SUM_LEN || record.at[0] != STATE_SEALED || !state_unseal(STATE_SUM_KEY, record, &value, &seal))
        return false;
    out->place = read_u64(value.at + 1);
    out->entries = read_u64(value.at + 9);
    out->seals = read_u64(value.at + 17);
    return true;
}

const char *state_key_text(struct bytes key, char out[STATE_KEY_TEXT_CAP])
{
    size_t n = key.len < STATE_KEY_TEXT_CAP ? key.len : STATE_KEY_TEXT_CAP - 1;

    for (size_t i = 0; i < n; i++)
        out[i] = key.at[i] >= ' ' && key.at[i] < 127 && key.at[i] != '"' ? (char)key.at[i] : '?';
    out[n] = 0;
    return out;
}
