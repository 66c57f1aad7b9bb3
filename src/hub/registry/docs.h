/* Documents of the provisioning service. */
#pragma once

#include "core.h"

enum { REC_DOC = 8 };

extern const struct part document_part;
