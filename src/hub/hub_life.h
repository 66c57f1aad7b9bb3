/* Events of life (service 7): what the hub itself tells of its identities on the events endpoint, in the partition of
 * the device, in order with what the device sends. Each stands in the log behind the record of the change that it tells
 * of, so that none is told of a change that is lost; who made the change is answered when both are durable. */
#pragma once

/* hub_options.life */
enum {
    LIFE_IDENTITIES = 1,  /* devices and modules that are created and deleted */
    LIFE_CONNECTIONS = 2, /* whether somebody is connected as one */
    LIFE_TWINS = 4,       /* their twins that change */
    LIFE_JOBS = 8,        /* jobs that are made, begin and end */
};
