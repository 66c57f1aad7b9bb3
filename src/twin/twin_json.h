/* Twins as JSON, without blanks. */
#pragma once

#include "twin_run.h"

/* A value: of a run or of a patch; without times. The key is not its own. */
void twin_put_value(struct buf *out, const struct twin_node *);
/* The metadata of a node of a section, and of all inside of it: when it was changed last (service 4.6). */
void twin_put_metadata(struct buf *out, const struct twin_node *);
/* A section: an object with $version at its end, and before that, if `metadata`, $metadata: when each was changed last
 * (service 4.6). Tags have neither. */
void twin_put_part(struct buf *out, struct bytes run, enum twin_part, bool metadata);
/* {"desired":…,"reported":…}, as a device gets it (device 2.12). */
void twin_put_device(struct buf *out, struct bytes run);
/* "tags":…,"properties":{"desired":…,"reported":…}, members of the whole document (service 4.6); no tags where there
 * are none. */
void twin_put_service(struct buf *out, struct bytes run);
/* A change of desired as a device is told of it: the patch, and the version that it makes. */
void twin_put_patch(struct buf *out, struct bytes nodes, uint64_t version);
