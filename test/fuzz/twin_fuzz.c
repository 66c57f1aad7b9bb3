/* Must reach: every value, escape and refusal of a section, names in any order, merging into what was there, replacing
 * it, and a patch that stands for several. The first byte says how: which section, whether it is replaced. */
#include "twin_json.h"
#include "twin_merge.h"
#include "twin_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t LIMIT[TWIN_PARTS] = {4096, 4096, 4096};

static void must(bool what)
{
    if (!what)
        abort();
}

/* The run by this patch, which must be whole and, written as JSON, be read as the same again. */
static void apply(struct buf *run, struct bytes nodes, enum twin_part part, bool replace)
{
    struct twin_write w = {.replace = replace, .wall_ms = 1767225600000};
    struct buf next = buf_max(TWIN_RUN_MAX), json = buf_max(1 << 24), again = buf_max(1 << 24);
    struct twin_outcome outcome;
    struct twin_node root, reread;
    struct twin_fault fault;

    w.nodes[part] = nodes;
    twin_write_number(&w, buf_bytes(run));
    if (!twin_apply(buf_bytes(run), &w, LIMIT, &next, &outcome)) {
        must(!twin_check(buf_bytes(&next)));
        twin_root(buf_bytes(&next), part, &root);
        twin_put_value(&json, &root);
        must(!twin_parse(buf_bytes(&json), part, true, &again, &fault));
        twin_nodes_root(buf_bytes(&again), &reread);
        must(twin_size(&reread) == twin_size(&root));
        buf_clear(&again);
        twin_put_service(&again, buf_bytes(&next));
        buf_clear(run);
        buf_put(run, buf_bytes(&next));
    }
    buf_free(&next);
    buf_free(&json);
    buf_free(&again);
}

/* Each line is a patch. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf run = buf_max(TWIN_RUN_MAX), nodes = buf_max(RECORD_LEN_MAX), caught = buf_max(TWIN_RUN_MAX);
    struct bytes rest = bytes_of(data, size);
    struct twin_node none = {.kind = TWIN_OBJECT}, root;
    struct twin_fault fault;

    if (!size)
        return 0;
    enum twin_part part = (enum twin_part)(*data % TWIN_PARTS);
    bool replace = *data & 4;

    rest = bytes_skip(rest, 1);
    while (rest.at) {
        enum err e;

        buf_clear(&nodes);
        e = twin_parse(bytes_cut(&rest, '\n'), part, replace, &nodes, &fault);
        must((e == OK) == (fault.why[0] == '\0') || e == ERR_TOO_LARGE);
        if (e)
            continue;
        must(!twin_check_nodes(buf_bytes(&nodes)));
        apply(&run, buf_bytes(&nodes), part, replace);
    }
    twin_root(buf_bytes(&run), part, &root);
    twin_catch_up(&none, &root, &caught);
    must(!twin_check_nodes(buf_bytes(&caught)));
    buf_free(&run);
    buf_free(&nodes);
    buf_free(&caught);
    return 0;
}
