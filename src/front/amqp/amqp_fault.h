/* Faults that devices of a connection ask for (device 10). */
#pragma once

#include "amqp_device.h"

/* The reason to refuse a message of the device now, or what is wrong with the fault it asks for: fault_request.h. */
enum err amqp_fault_read(struct amqp *c, const struct amqp_device *d, const struct msg *m,
                         struct fault_request *asked) MUST_CHECK;
enum err amqp_fault_of_batch(struct amqp *c, const struct amqp_device *d, struct bytes all,
                             struct fault_request *asked) MUST_CHECK;
/* The message that asked for it is in the hub; FAULT_NONE changes nothing. */
void amqp_fault_begin(struct amqp *c, struct amqp_device *d, const struct fault_request *);
/* Breaks what is due; gives when to come again. */
int64_t amqp_faults_tick(struct amqp *c);
