/* Must reach: every term, both kinds of quotes, parentheses, and every refusal of selector.c. */
#include "selector.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct selector s;
    struct complaint why;
    enum err e = selector_parse(bytes_of(data, size), &s, &why);

    if ((e == OK) != (why.text[0] == '\0'))
        abort();
    if (!e && (s.n_devices > FILTER_DEVICES_MAX || (!s.has_position && !s.n_devices)))
        abort();
    for (size_t i = 0; !e && i < s.n_devices; i++)
        if (!s.devices[i].len || s.devices[i].len > ID_LEN_MAX || s.devices[i].at < s.text ||
            s.devices[i].at + s.devices[i].len > s.text + sizeof s.text)
            abort();
    return 0;
}
