/* A token that parses lies within its text and is not signed with a key that nobody used. */
#include "sas.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sas s;

    if (sas_parse(bytes_of(data, size), &s))
        return 0;
    if (s.sr.at < data || s.sr.at + s.sr.len > data + size || s.se.len == 0 || s.expires_s < 0)
        abort();
    if (sas_signed_with(&s, BYTES("a key that signed nothing in the corpus")))
        abort();
    return 0;
}
