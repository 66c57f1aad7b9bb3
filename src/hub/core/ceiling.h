/* Ceilings of what is sent: messages a second and bytes a day, of a device and of the hub. */
#pragma once

#include "core.h"

/* ceiling.c: may so much be sent now? ERR_BUSY: too many messages; ERR_QUOTA: too many bytes. Asked before, counted
 * after. Under the shard's lock. */
void ceilings_set(struct hub *h, const struct hub_ceilings *c);
enum err identity_lets(const struct hub *h, const struct identity *i, size_t size, int64_t now_ms) MUST_CHECK;
void identity_took(struct hub *h, struct identity *i, size_t size, int64_t now_ms);
/* The same for what a service sends to devices. */
enum err hub_lets(const struct hub *h, size_t size, int64_t now_ms) MUST_CHECK;
void hub_took(struct hub *h, size_t size, int64_t now_ms);
/* It used so much of its day that this must not be forgotten. */
bool identity_spent(const struct hub *h, const struct identity *i);
/* The checkpoint will have to hold so much more mail. False: it could not. */
bool mail_room_take(struct hub *h, size_t size) MUST_CHECK;
/* After a checkpoint. */
void mail_room_renew(struct hub *h);
