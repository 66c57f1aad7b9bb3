/* A line of an identity: an entry as of a bulk request (service 4.4). */
#include "import_line.h"

#include "transfer.h"

#include <string.h>

#define UNWRITTEN "AAAAAAAAAAE=" /* the ETag of a twin that nobody has written */

static enum err look(struct hub *h, const struct line *line, struct before *out)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    char name[IDENTITY_LEN_MAX + 1] = "";
    struct twin_facts facts;
    struct device d;
    enum err e;

    if (!entry_name(line->root, name))
        name[0] = 0;
    e = hub_twin_copy(h, bytes_str(name), &run, &d, NULL);
    *out = (struct before){.identity = ""};
    if (!e) {
        twin_facts_of(buf_bytes(&run), &facts);
        memcpy(out->identity, d.etag, sizeof out->identity);
        twin_etag_text(facts.etag, out->twin);
    }
    buf_free(&run);
    return e == ERR_NOT_FOUND ? OK : e;
}

static bool rest(struct line *line, const struct before *was, const struct before *is)
{
    bool same = !strcmp(was->identity, is->identity), same_twin = !strcmp(was->twin, is->twin);

    if (same)
        return same_twin || entry_mode_of(line->root, ENTRY_CREATE_OR_UPDATE) < ENTRY_UPDATE_TWIN;
    if (!is->identity[0])
        return false;
    line->done = was->identity[0] ? ENTRY_CHANGED : ENTRY_MADE;
    return was->identity[0] ? same_twin : !strcmp(is->twin, UNWRITTEN);
}

static enum err run(const struct changer *by, const struct line *line, bool *half, struct entry_fault *fault)
{
    const struct entry entry = {.root = line->root,
                                .text = line->text,
                                .mode = entry_mode_of(line->root, ENTRY_CREATE_OR_UPDATE),
                                .import = true,
                                .done = line->done};
    uint64_t at = 0;

    return entry_run(by, &entry, &at, half, fault);
}

const struct line_ops line_of_devices = {.errors = TRANSFER_ERRORS,
                                         .names = NAMES_DEVICE,
                                         .ids = {{"deviceId", "id"}, {"moduleId", "moduleId"}},
                                         .look = look,
                                         .rest = rest,
                                         .run = run};
