/* Keys of TPMs as strangers send them, and texts of keys: base64, hexadecimal. A key that is taken gets a blob. */
#include "attest.h"
#include "text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct attest_chance chance = {.credential = {1}};
    struct bytes all = bytes_of(data, size), ek = bytes_first(all, ATTEST_EK_LEN), srk = bytes_skip(all, ek.len);
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    char id[ATTEST_ID_CAP];
    uint8_t raw[64];
    size_t len;

    attest_registration_id(ek, id);
    if (strlen(id) != ATTEST_ID_CAP - 1)
        abort();
    if (attest_is_endorsement(ek) && attest_is_storage(srk) &&
        !attest_wrap(ek, srk, BYTES("0123456789abcdef"), BYTES("hub/dev"), &chance, &blob) && !blob.len)
        abort();
    if (!base64_decode(all, raw, sizeof raw, &len) && len > sizeof raw)
        abort();
    if (!hex_decode(all, raw, sizeof raw, &len) && len > sizeof raw)
        abort();
    buf_free(&blob);
    return 0;
}
