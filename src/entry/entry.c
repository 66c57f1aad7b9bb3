#include "entry.h"

#include "identity_json.h"
#include "twin_take.h"

static const char *const modes[ENTRY_MODES] = {
    [ENTRY_CREATE] = "create",
    [ENTRY_CREATE_OR_UPDATE] = "createOrUpdate",
    [ENTRY_CREATE_OR_UPDATE_IF_MATCH] = "createOrUpdateIfMatchETag",
    [ENTRY_UPDATE] = "update",
    [ENTRY_UPDATE_IF_MATCH] = "updateIfMatchETag",
    [ENTRY_DELETE] = "delete",
    [ENTRY_DELETE_IF_MATCH] = "deleteIfMatchETag",
    [ENTRY_UPDATE_TWIN] = "updateTwin",
    [ENTRY_UPDATE_TWIN_IF_MATCH] = "updateTwinIfMatchETag",
};

/* All that the steps of an entry need. */
struct run {
    const struct changer *by;
    const struct entry *entry;
    struct bytes name;
    bool is_new; /* the identity was made by it */
    uint64_t *at;
    struct entry_fault *fault;
};

static void wait_for(const struct run *r, uint64_t at)
{
    if (at > *r->at)
        *r->at = at;
}

static struct bytes text_at(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);

    return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value)) : NO_BYTES;
}

static bool has_some(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);

    return value && !json_is_null(value);
}

bool entry_name(const json_t *entry, char name[IDENTITY_LEN_MAX + 1])
{
    struct bytes module = text_at(entry, "moduleId");

    return identity_name(text_at(entry, "id"), module.len ? module : NO_BYTES, name);
}

enum entry_mode entry_mode_of(const json_t *entry, enum entry_mode otherwise)
{
    struct bytes text = text_at(entry, "importMode");
    int m = 0;

    if (!text.len)
        return otherwise;
    while (m < ENTRY_MODES && !bytes_eq_nocase(text, bytes_str(modes[m])))
        m++;
    return (enum entry_mode)m;
}

struct match entry_match(const json_t *entry, const char *name)
{
    struct bytes etag = text_at(entry, name);

    if (etag.len >= 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"')
        etag = bytes_first(bytes_skip(etag, 1), etag.len - 2);
    if (bytes_eq(etag, BYTES("*")))
        return (struct match){.how = MATCH_ANY};
    return (struct match){.how = MATCH_ETAG, .etag = etag};
}

/* ---- the identity ---------------------------------------------------------------------------------------------- */

/* An update that says nothing of authentication leaves it as it is (SDKs change only the status that way); the etag
 * tells whether it still was. */
static enum err keep_authentication(const struct run *r, struct device *wanted, char etag[24])
{
    struct device now;
    enum err e = hub_device_get(r->by->hub, r->name, &now);

    if (e)
        return e == ERR_NOT_FOUND ? OK : e; /* it is new, or refused */
    wanted->auth = now.auth;
    wanted->primary = now.primary;
    wanted->secondary = now.secondary;
    memcpy(wanted->thumbprint, now.thumbprint, sizeof wanted->thumbprint);
    memcpy(etag, now.etag, sizeof now.etag);
    return OK;
}

/* Anything that changed it meanwhile counts first. */
static enum err update_rest(const struct run *r, struct device *wanted, struct match match, uint64_t *at)
{
    enum { TRIES = 8 };
    bool any = match.how == MATCH_ANY;
    enum err e = ERR_PRECONDITION;
    struct device made;

    for (int i = 0; e == ERR_PRECONDITION && i < (any ? TRIES : 1); i++) {
        char etag[24] = "";

        if ((e = keep_authentication(r, wanted, etag)))
            break;
        if (any && etag[0])
            match = (struct match){.how = MATCH_ETAG, .etag = bytes_str(etag)};
        e = identity_change(r->by, wanted, match, &made, at, r->fault);
    }
    return e;
}

static bool makes_new(const struct run *r)
{
    enum entry_mode mode = r->entry->mode;

    return (mode == ENTRY_CREATE_OR_UPDATE || mode == ENTRY_CREATE_OR_UPDATE_IF_MATCH) && !module_is_system(r->name);
}

static enum err change(struct run *r, struct device *wanted)
{
    enum entry_mode mode = r->entry->mode;
    bool whole = mode == ENTRY_CREATE || has_some(r->entry->root, "authentication");
    struct match match = {.how = mode == ENTRY_CREATE ? MATCH_NONE : MATCH_ANY};
    struct device made;
    uint64_t at;
    enum err e = identity_json_take(r->entry->root, wanted, r->fault);

    if (e)
        return e;
    if (mode == ENTRY_UPDATE_IF_MATCH || mode == ENTRY_CREATE_OR_UPDATE_IF_MATCH)
        match = entry_match(r->entry->root, "etag");
    e = whole ? identity_change(r->by, wanted, match, &made, &at, r->fault) : update_rest(r, wanted, match, &at);
    r->is_new = mode == ENTRY_CREATE || (e == ERR_NOT_FOUND && makes_new(r));
    if (e && r->is_new && mode != ENTRY_CREATE)
        e = identity_change(r->by, wanted, (struct match){.how = MATCH_NONE}, &made, &at, r->fault);
    if (!e)
        wait_for(r, at);
    return e;
}

static enum err remove_one(const struct run *r)
{
    struct match match = {.how = MATCH_ANY};
    uint64_t at;
    enum err e;

    if (r->entry->mode == ENTRY_DELETE_IF_MATCH)
        match = entry_match(r->entry->root, "etag");
    e = identity_drop(r->by, r->name, match, &at);
    if (!e)
        wait_for(r, at);
    return e;
}

static enum err run_identity(struct run *r, struct device *wanted)
{
    enum entry_mode mode = r->entry->mode;
    bool removes = mode == ENTRY_DELETE || mode == ENTRY_DELETE_IF_MATCH;
    enum err e;

    if (module_is_system(r->name) && (removes || !r->entry->import))
        return entry_says(r->fault, ERR_ARGUMENT, "Modules whose ids begin with $ are the hub's");
    e = removes ? remove_one(r) : change(r, wanted);
    return identity_is_module(r->name) ? module_fault(r->by->hub, r->name, e, r->fault) : e;
}

/* ---- its twin -------------------------------------------------------------------------------------------------- */

/* Merges what the entry has of tags and properties. What a device reported is another's to say only where the device is
 * made with it. */
static enum err change_twin(const struct run *r, struct match match)
{
    struct twin_change wanted = {.match = match};
    struct twin_fault fault = {.why = ""};
    uint64_t at = 0;
    enum err e = twin_take(r->entry->root, r->entry->text, &wanted, r->fault);

    if (e)
        return e;
    if (r->entry->mode != ENTRY_CREATE && !(r->entry->import && r->is_new))
        wanted.part[TWIN_REPORTED] = NO_BYTES;
    if ((e = hub_twin_change(r->by->hub, r->name, &wanted, r->by->now_ms, &fault, &at)))
        return twin_refused(e, &fault, r->fault);
    if (at && r->by->twin_changed)
        r->by->twin_changed(r->by->ctx, r->name, &wanted);
    wait_for(r, at);
    return OK;
}

static bool is_of_twins(enum entry_mode mode)
{
    return mode == ENTRY_UPDATE_TWIN || mode == ENTRY_UPDATE_TWIN_IF_MATCH;
}

/* The twin modes: whatever else the entry holds is passed over. */
static enum err update_twin(const struct run *r)
{
    struct match match = {.how = MATCH_ANY};
    enum err e;

    if (r->entry->mode == ENTRY_UPDATE_TWIN_IF_MATCH)
        match = entry_match(r->entry->root, "twinETag");
    e = change_twin(r, match);
    if (e == ERR_NOT_FOUND && identity_is_module(r->name))
        r->fault->number = 404010;
    return e;
}

static bool minds_twin_etag(const struct run *r)
{
    enum entry_mode mode = r->entry->mode;

    if (!has_some(r->entry->root, "twinETag"))
        return false;
    return !r->entry->import ||
           (!r->is_new && (mode == ENTRY_UPDATE_IF_MATCH || mode == ENTRY_CREATE_OR_UPDATE_IF_MATCH));
}

/* Carries out what an entry says of the twin besides the identity. The identity stands, whatever becomes of this. */
static enum err add_twin(const struct run *r)
{
    const json_t *root = r->entry->root;

    if (!has_some(root, "tags") && !has_some(root, "properties"))
        return OK;
    return change_twin(r, minds_twin_etag(r) ? entry_match(root, "twinETag") : (struct match){.how = MATCH_ANY});
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

enum err entry_run(const struct changer *by, const struct entry *entry, uint64_t *at, bool *half, struct entry_fault *f)
{
    struct device wanted = {.auth = AUTH_SAS};
    bool is_named = entry_name(entry->root, wanted.id);
    struct run r = {by, entry, bytes_str(wanted.id), entry->done == ENTRY_MADE, at, f};
    enum err e;

    *half = false;
    if (!is_named && is_of_twins(entry->mode))
        return ERR_NOT_FOUND;
    if (entry->mode == ENTRY_MODES)
        return entry_says(f, ERR_ARGUMENT, "importMode is not valid");
    if (!is_named)
        return entry_says(f, ERR_ARGUMENT, "The id is not valid");
    if (is_of_twins(entry->mode))
        return update_twin(&r);
    e = entry->done ? OK : run_identity(&r, &wanted);
    if (e || entry->mode >= ENTRY_DELETE)
        return e;
    e = add_twin(&r);
    if (!(*half = e && entry->mode == ENTRY_CREATE))
        return e;
    if (!f->why[0])
        entry_says(f, e, "%s", err_text(e));
    return OK;
}
