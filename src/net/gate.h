/* The gate from the inside: listeners ask it for a place for each connection, and connections say what becomes of
 * them. From any thread. */
#pragma once

#include "net.h"

#include <sys/socket.h>

/* The connections of one address. */
struct gate_place;

/* A place for a connection of this address. NULL: there is none, which the log has been told. */
struct gate_place *gate_enter(struct net_gate *, const struct sockaddr_storage *, int64_t now_ms) MUST_CHECK;
/* Its peer has shown who it is. */
void gate_proved(struct net_gate *, struct gate_place *);
void gate_leave(struct net_gate *, struct gate_place *, bool proved);
