/* The digital twin of a device with a model (service 4.11): its properties and components as the model names them, and
 * beside each what is desired of it and how far the device is. */
#pragma once

#include "twin_document.h"

/* Appends it as JSON. A device without a model has no properties here. */
void digital_twin_put(struct buf *out, const struct twin_document *);
