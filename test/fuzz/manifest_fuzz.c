/* The manifest of a backup: the text as it is, and as the line that its checksum is for. What is taken encodes to what
 * is taken again, and no name leads out of the folder. */
#include "manifest.h"
#include "text.h"

#include <stdlib.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct manifest *m)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (strchr("./", m->files[i].name[0]) || strstr(m->files[i].name, "/.") || strchr("./", m->files[i].from[0]) ||
            strstr(m->files[i].from, "/."))
            abort();
}

static void try(struct bytes in)
{
    struct manifest m = {0}, again = {0};
    struct buf text = buf_max(1 << 22);

    if (!manifest_decode(in, &m)) {
        check_names(&m);
        manifest_encode(&m, &text);
        if (!text.bad && manifest_decode(buf_bytes(&text), &again))
            abort();
        manifest_free(&again);
        manifest_free(&m);
    }
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf line = buf_max(1 << 22);
    XXH128_canonical_t sum;

    try(bytes_of(data, size));
    buf_put(&line, bytes_of(data, size));
    buf_puts(&line, "\n");
    XXH128_canonicalFromHash(&sum, XXH3_128bits(line.at, line.len));
    buf_puts(&line, "xxh3 ");
    buf_put_hex(&line, bytes_of(sum.digest, sizeof sum.digest));
    buf_puts(&line, "\n");
    try(buf_bytes(&line));
    buf_free(&line);
    return 0;
}
