/* Conditions of AMQP as the errors that callers get. */
#pragma once

#include "d2d.h"

enum d2d_err amqp_error(const char *condition); /* NULL, or one that is not known: D2D_FAILED */
