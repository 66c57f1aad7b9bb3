/* Lines for the operator in the log, in one form for all protocols: who came, who left and why, who was not let in and
 * why, and who changed what.
 *
 *   connected    device=phone protocol=mqtt address=192.0.2.7:51234
 *   left         device=phone protocol=mqtt address=192.0.2.7:51234 reason=idle seconds=61 detail="nothing was heard …"
 *   login-failed device=phone protocol=mqtt address=192.0.2.7:51234 reason=unauthorized detail="…"
 *   audit        change=device-created by=iothubowner address=192.0.2.7:51236 device=phone
 *   over-ceiling device=phone protocol=mqtt address=192.0.2.7:51234 reason=quota remedy="…"
 *
 * Instead of device= there may be policy= (a service) or registration= (a device that registers). */
#pragma once

#include "auth.h"

struct journal_who {
    const char *kind; /* "device", "policy", "registration" */
    struct bytes id;
};

/* False: no line was written, for too many tell of the same one; the end of this connection is not to be told either.
 */
bool journal_connected(const struct front_env *, const struct peer *, struct journal_who, int64_t now_ms);
/* `detail` is a phrase of ours, or NULL. */
void journal_left(const struct peer *, struct journal_who, enum err why, const char *detail, int64_t since_ms,
                  int64_t now_ms);
/* `detail` is what auth.c says in who.why, or a phrase of ours. */
void journal_login_failed(const struct front_env *, const struct peer *, struct journal_who, enum err why,
                          const char *detail, int64_t now_ms);
/* For other lines about what a peer does wrong: false when this one has caused too many lately. */
bool journal_may_tell(const struct front_env *, const struct peer *, struct bytes about, int64_t now_ms);

/* A message was refused, or has to wait: it is counted, and whoever is over a ceiling is named once in an episode. */
void journal_no_room(const struct front_env *, const struct peer *, struct journal_who, struct bytes device,
                     enum err why, int64_t now_ms);

/* A change that an operator made, or a device to its modules. `what` is "device-created"; `detail` "key,status", or
 * NULL. Always told. */
void journal_change(const struct who *by, const struct peer *, const char *what, struct journal_who,
                    const char *detail);
