/* Documents of the provisioning service. */
#pragma once

#include "core.h"

struct keeping;

enum err docs_new(struct docs **out) MUST_CHECK;
void docs_free(struct docs *d);
enum err doc_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
/* Into the checkpoint; then, when that is done, what it knows up to the place is clean. */
enum err docs_keep(struct keeping *) MUST_CHECK;
void docs_kept(struct hub *h, uint64_t place);
enum err docs_load(struct hub *h) MUST_CHECK;
