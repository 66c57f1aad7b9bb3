/* The commands about the TPM of this computer. */
#include "tpm_slot.h"

#include <stdio.h>

static const struct column slot_columns[] = {
    {"slot", "SLOT", 4}, {"host", "HUB", 32}, {"device", "DEVICE", 32}, {"state", "STATE", 0}, {0}};

/* A key without a text is what the SDKs leave, a text without a key what an interrupted call left. */
static void show_slot(struct out *out, unsigned n, const struct d2d_tpm_slot *s)
{
    const char *state = s->foreign[0]               ? "of another program"
                        : s->has_key && s->has_text ? "ready"
                        : s->has_key                ? "a key only"
                        : s->has_text               ? "half done"
                                                    : "";
    const char *more = s->has_x509 ? "a key for a certificate" : "";
    char both[64];

    snprintf(both, sizeof both, "%s%s%s", state, *state && *more ? ", " : "", more);
    out_row(out,
            json_pack("{si ss ss ss ss sb}", "slot", (int)n, "host", s->host, "device", s->has_key ? s->device : "",
                      "state", both, "hardwareId", s->hardware_id, "x509", s->has_x509));
}

static enum status show_slots(struct cli *c, struct d2d_tpm *t)
{
    struct d2d_tpm_slot slot;
    struct out out;
    unsigned used = 0;
    enum d2d_err e;

    out_begin(&out, c->format, slot_columns, "slot");
    for (unsigned i = 0; i < D2D_TPM_SLOTS; i++) {
        if ((e = d2d_tpm_slot_read(t, i, &slot)))
            return tpm_slot_failed(t, "a slot", e);
        bool is_used = slot.has_key || slot.has_text || slot.foreign[0] || slot.has_x509;
        used += is_used;
        if (is_used && (!c->has_slot || c->slot == i))
            show_slot(&out, i, &slot);
    }
    if (!used)
        say("all %d slots are free", D2D_TPM_SLOTS);
    return DONE;
}

static enum status print_key(struct d2d_tpm *t)
{
    char text[1024];
    enum d2d_err e = d2d_tpm_endorsement_key(t, text, sizeof text);

    if (e)
        return tpm_slot_failed(t, "the endorsement key", e);
    puts(text);
    return DONE;
}

struct status_values {
    int key;
};

static const struct opt status_options[] = {{"endorsement-key", NULL,
                                             "print only this, for `d2d enroll add --endorsement-key`", OPT_FLAG,
                                             .offset = offsetof(struct status_values, key)},
                                            {0}};

static enum status tpm_status(struct cli *c, void *values, int n, char **argv)
{
    char id[64];
    struct d2d_tpm *t;
    enum status status;
    enum d2d_err e;

    (void)n;
    (void)argv;
    if ((status = tpm_slot_open(&t)))
        return status;
    if (((struct status_values *)values)->key) {
        status = print_key(t);
    } else if ((e = d2d_tpm_registration_id(t, id, sizeof id))) {
        status = tpm_slot_failed(t, "the TPM", e);
    } else {
        say("registration id %s", id);
        status = show_slots(c, t);
    }
    d2d_tpm_close(t);
    return status;
}

const struct command command_tpm_status = {
    {.name = "tpm status",
     .usage = "[--slot N]",
     .summary = "show the TPM of this computer, and the devices whose keys are in it",
     .examples = "d2d tpm status\nd2d tpm status --endorsement-key > pump.ek\n",
     .options = status_options},
    tpm_status,
    sizeof(struct status_values)};

struct provision_values {
    int replace;
};

static const struct opt provision_options[] = {{"replace", NULL, "destroy the key that is in the slot", OPT_FLAG,
                                                .offset = offsetof(struct provision_values, replace)},
                                               {0}};

static enum status tpm_provision(struct cli *c, void *values, int n, char **argv)
{
    const struct provision_values *v = values;
    struct d2d_tpm *t;
    enum status status;
    char device[130] = "";

    (void)n;
    (void)argv;
    if (!c->has_slot)
        return cli_usage(&command_tpm_provision, "--slot is missing: the slot for the key, 0 to 9");
    c->has_slot = false; /* the identity is what the other options say */
    if ((status = cli_choose_identity(c, STRING_DEVICE)) || (status = tpm_slot_open(&t)))
        return status;
    if (!(status = tpm_slot_provision(t, c->slot, c->connection_string, v->replace))) {
        d2d_connection_string_field(c->connection_string, "DeviceId", device, sizeof device);
        say("the key of %s is in slot %u now: use it with --slot %u", device, c->slot, c->slot);
    }
    explicit_bzero(c->connection_string, sizeof c->connection_string);
    d2d_tpm_close(t);
    return status;
}

const struct command command_tpm_provision = {{.name = "tpm provision",
                                               .usage = "--slot N [--replace]",
                                               .summary = "put the key of a device into the TPM",
                                               .examples =
                                                   "d2d tpm provision --slot 0 --as garage\n"
                                                   "d2d tpm provision --slot 1 --connection-string-file pump.cs\n",
                                               .options = provision_options},
                                              tpm_provision,
                                              sizeof(struct provision_values)};

/* The device's key and the one for a certificate, each if it is there. What is of another program is told, and stays.
 */
static enum status erase(struct d2d_tpm *t, unsigned slot)
{
    enum d2d_err e = d2d_tpm_erase(t, slot), x509;

    if (e && e != D2D_NOT_FOUND)
        return tpm_slot_failed(t, "nothing was erased", e);
    x509 = d2d_tpm_x509_erase(t, slot);
    if (x509 == D2D_NOT_FOUND && e) {
        complain("slot %u is empty", slot);
        return NOT_FOUND;
    }
    if (x509 && x509 != D2D_NOT_FOUND)
        return tpm_slot_failed(t, e ? "nothing was erased" : "only the key of the device was erased", x509);
    say("slot %u is free; its device is still registered in the hub", slot);
    return DONE;
}

static enum status tpm_erase(struct cli *c, void *values, int n, char **argv)
{
    struct d2d_tpm *t;
    enum status status;

    (void)values;
    (void)n;
    (void)argv;
    if (!c->has_slot)
        return cli_usage(&command_tpm_erase, "--slot is missing: the slot whose keys are destroyed, 0 to 9");
    if ((status = tpm_slot_open(&t)))
        return status;
    status = erase(t, c->slot);
    d2d_tpm_close(t);
    return status;
}

const struct command command_tpm_erase = {{.name = "tpm erase",
                                           .usage = "--slot N",
                                           .summary = "destroy the keys in a slot of the TPM",
                                           .examples = "d2d tpm erase --slot 1\n"},
                                          tpm_erase,
                                          0};
