#include "entry_put.h"

#include "identity_json.h"
#include "text.h"
#include "twin_json.h"

static void put_id(struct buf *b, const struct device *d)
{
    struct bytes name = bytes_str(d->id);

    buf_puts(b, "{\"id\":");
    buf_put_json(b, identity_device(name));
    if (identity_is_module(name)) {
        buf_puts(b, ",\"moduleId\":");
        buf_put_json(b, identity_module(name));
        if (d->managed_by[0]) {
            buf_puts(b, ",\"managedBy\":");
            buf_put_json(b, bytes_str(d->managed_by));
        }
    }
    buf_printf(b, ",\"eTag\":\"%s\",\"status\":\"%s\",\"statusReason\":", d->etag,
               d->disabled ? "disabled" : "enabled");
    if (d->reason[0])
        buf_put_json(b, bytes_str(d->reason));
    else
        buf_puts(b, "null");
}

void entry_put(struct buf *b, const struct device *d, struct bytes run, bool keys)
{
    char etag[TWIN_ETAG_CAP];
    struct twin_facts facts;

    twin_facts_of(run, &facts);
    twin_etag_text(facts.etag, etag);
    put_id(b, d);
    if (keys || d->auth != AUTH_SAS)
        identity_json_put_authentication(b, d);
    else
        buf_puts(b, ",\"authentication\":null");
    if (!identity_is_module(bytes_str(d->id)))
        identity_json_put_edge(b, d);
    buf_printf(b, ",\"twinETag\":\"%s\",", etag);
    twin_put_service(b, run);
    buf_puts(b, "}");
}
