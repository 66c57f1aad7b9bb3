/* Enrollments as clients write them: the first byte says which kind. What is taken is kept, and shown with and without
 * its keys. */
#include "document.h"
#include "json_names.h"
#include "world.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fixed_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 7, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct front_env env = {.host = "hub.test", .entity = "hub", .random = fixed_random};
    char why[160] = "", name[JSON_WHY_CAP] = "";
    json_t *from, *kept;

    if (!size || !(from = json_body(bytes_of(data + 1, size - 1), 0, name)))
        return 0;
    if (!w.hub)
        world_start(&w, 1);
    env.hub = w.hub;
    enum doc_kind kind = data[0] & 1 ? DOC_ENROLLMENT_GROUP : DOC_ENROLLMENT;
    if (!json_spell(from, NAMES_ENROLLMENT, name) && !document_take(&env, kind, from, BYTES("pump"), why, &kept)) {
        struct buf text = buf_max(1 << 20);

        if (json_put(kept, &text) == OK && text.bad)
            abort();
        buf_free(&text);
        json_decref(kept);
    }
    json_decref(from);
    return 0;
}
