/* The record of a hub that was made from a backup. */
#pragma once

#include "core.h"

enum err restored_apply(struct hub *h, const struct record *r) MUST_CHECK;
