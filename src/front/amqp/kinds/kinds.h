/* The kinds of links, each in the file of its name. */
#pragma once

#include "amqp_link.h"

extern const struct link_ops amqp_cbs_link; /* put-token on $cbs */
extern const struct link_ops amqp_management_link;
extern const struct link_ops amqp_dps_link; /* devices that register */
/* Of services: */
extern const struct link_ops amqp_events_link;
extern const struct link_ops amqp_redirect_link; /* receivers that are sent elsewhere for them */
extern const struct link_ops amqp_post_link;     /* what they send to devices */
extern const struct link_ops amqp_feedback_link; /* what they hear of that */
extern const struct link_ops amqp_notices_link;  /* notifications of uploads, which never come */
/* Of devices: */
extern const struct link_ops amqp_d2c_link; /* what they send */
extern const struct link_ops amqp_c2d_link; /* what they receive */
extern const struct link_ops amqp_inputs_link;
extern const struct link_ops amqp_calls_link; /* direct methods */
extern const struct link_ops amqp_twin_link;

/* By the peer: it becomes one of the kind of its address, or is refused. */
void amqp_link_opened(struct amqp *c, pn_link_t *pn);
