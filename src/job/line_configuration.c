/* A line of a configuration: as a client puts it, and an importMode (service 4.10, 4.11). */
#include "import_line.h"

#include "configuration_change.h"
#include "transfer.h"

#include <string.h>

static const char *id_of(const struct line *line)
{
    const char *id = json_string_value(json_object_get(line->root, "id"));

    return id ? id : "";
}

static enum err look(struct hub *h, const struct line *line, struct before *out)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    enum err e = configuration_get(h, id_of(line), &body, &doc, NULL);

    *out = (struct before){.identity = ""};
    if (!e)
        memcpy(out->identity, doc.etag, sizeof out->identity);
    buf_free(&body);
    return e == ERR_NOT_FOUND || e == ERR_ARGUMENT ? OK : e;
}

static bool rest(struct line *line, const struct before *was, const struct before *is)
{
    (void)line;
    return !strcmp(was->identity, is->identity);
}

/* Changes the one that is there, or makes it where the mode does that. */
static enum err put(const struct configuration_changer *by, const struct line *line, enum entry_mode mode,
                    struct entry_fault *fault)
{
    struct match match = {.how = MATCH_ANY};
    struct buf body = buf_max(DOC_LEN_MAX);
    json_t *to = json_object();
    struct doc doc;
    uint64_t at;
    enum err e = to ? configuration_take(by->id, line->root, to, fault) : ERR_MEMORY;

    if (mode == ENTRY_CREATE)
        match.how = MATCH_NONE;
    else if (mode == ENTRY_CREATE_OR_UPDATE_IF_MATCH || mode == ENTRY_UPDATE_IF_MATCH)
        match = entry_match(line->root, "etag");
    if (!e)
        e = configuration_put(by, to, match, &body, &doc, &at, fault);
    if (e == ERR_NOT_FOUND && (mode == ENTRY_CREATE_OR_UPDATE || mode == ENTRY_CREATE_OR_UPDATE_IF_MATCH)) {
        *fault = (struct entry_fault){.number = 0};
        e = configuration_put(by, to, (struct match){.how = MATCH_NONE}, &body, &doc, &at, fault);
    }
    json_decref(to);
    buf_free(&body);
    return e;
}

static enum err drop(const struct configuration_changer *by, const struct line *line, enum entry_mode mode,
                     struct entry_fault *fault)
{
    struct match match = {.how = MATCH_ANY};
    struct doc doc;
    uint64_t at;

    if (mode == ENTRY_DELETE_IF_MATCH)
        match = entry_match(line->root, "etag");
    return configuration_delete(by, match, &doc, &at, fault);
}

static enum err run(const struct changer *changer, const struct line *line, bool *half, struct entry_fault *fault)
{
    const struct configuration_changer by = {.hub = changer->hub, .id = id_of(line), .now_ms = changer->now_ms};
    enum entry_mode mode = entry_mode_of(line->root, ENTRY_CREATE_OR_UPDATE);

    *half = false;
    if (mode >= ENTRY_UPDATE_TWIN)
        return entry_says(fault, ERR_ARGUMENT, "importMode is not valid");
    return mode >= ENTRY_DELETE ? drop(&by, line, mode, fault) : put(&by, line, mode, fault);
}

const struct line_ops line_of_configurations = {.errors = TRANSFER_CONFIGURATION_ERRORS,
                                                .names = NAMES_CONFIGURATION,
                                                .ids = {{"configurationId", "id"}},
                                                .look = look,
                                                .rest = rest,
                                                .run = run};
