/* Feedback as its receivers read it (service 3.2). */
#pragma once

#include "hub.h"

#define FEEDBACK_CONTENT_TYPE "application/vnd.microsoft.iothub.feedback.json"

/* A JSON array of the records. */
void feedback_put_json(struct buf *b, const struct feedback_record *records, size_t n);
