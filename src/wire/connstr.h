/* Connection strings: `Key=Value` joined with `;`, cut at the first `=` of each (device 1.1, service 1.1).
 *
 *   device       HostName=…;DeviceId=…;SharedAccessKey=…     or …;x509=true, or, ours, …;Tpm=0
 *   service      HostName=…;SharedAccessKeyName=…;SharedAccessKey=…
 *   Event Hubs   Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=… */
#pragma once

#include "buf.h"

enum connstr_kind { CONNSTR_DEVICE, CONNSTR_SERVICE, CONNSTR_EVENTS };

/* Views into the text; at == NULL: not given. */
struct connstr {
    enum connstr_kind kind;
    struct bytes host;      /* without scheme, port and slash */
    uint16_t port;          /* 0: that of the protocol. The cloud's strings have none; ours may */
    struct bytes gateway;   /* GatewayHostName: connect there, be what `host` says */
    struct bytes device;    /* DeviceId */
    struct bytes module;    /* ModuleId */
    struct bytes key_name;  /* SharedAccessKeyName */
    struct bytes key;       /* SharedAccessKey, base64 text */
    struct bytes signature; /* SharedAccessSignature: a token to be used as it is */
    struct bytes entity;    /* EntityPath */
    struct bytes tpm;       /* Tpm: ours; the slot of the TPM that has the key */
    bool x509;
};

enum { CONNSTR_FAULT_CAP = 128 };

/* Names of keys in any case, unknown ones ignored, a doubled or empty one is refused: ERR_MALFORMED. There is a host
 * and at most one of key, signature, TPM and certificate; more is not asked here. */
enum err connstr_parse(struct bytes text, struct connstr *out) MUST_CHECK;

/* Why that refused it: a sentence without a full stop. */
const char *connstr_fault(struct bytes text, char out[CONNSTR_FAULT_CAP]);

/* Appends the text. ERR_ARGUMENT: a value holds a `;` and would be read as something else. */
enum err connstr_put(const struct connstr *, struct buf *out) MUST_CHECK;
