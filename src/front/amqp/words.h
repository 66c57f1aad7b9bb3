/* Every word that AMQP clients send and that is compared here, with all the spellings that are known; addresses of
 * links have their own table in address.c. Case does not count. */
#pragma once

#include "amqp_value.h"

/* device 3.3, 3.5, service 1.5-1.7, 2.5-2.7, provisioning 1.5 */
#define AMQP_WORDS(X)                                                                                     \
    /* mechanisms of SASL */                                                                              \
    X(WORD_PLAIN, "PLAIN")                                                                                \
    X(WORD_ANONYMOUS, "ANONYMOUS", "MSSBCBS")                                                             \
    X(WORD_EXTERNAL, "EXTERNAL")                                                                          \
    X(WORD_TPM, "TPM")                                                                                    \
    /* requests: operation and type */                                                                    \
    X(WORD_PUT_TOKEN, "put-token")                                                                        \
    X(WORD_SAS_TOKEN, "servicebus.windows.net:sastoken", /* Node, Python, C, Event Hubs */                \
      "azure-devices.net:sastoken")                      /* all of .NET, Java service 1.x, AMQPNetLite */ \
    X(WORD_READ, "READ")                                                                                  \
    X(WORD_EVENT_HUB, "com.microsoft:eventhub")                                                           \
    X(WORD_PARTITION, "com.microsoft:partition")                                                          \
    X(WORD_REGISTER, "iotdps-register")                                                                   \
    X(WORD_REGISTER_STATUS, "iotdps-get-operationstatus")                                                 \
    /* requests about a twin: annotations and what stands there */                                        \
    X(WORD_OPERATION, "operation")                                                                        \
    X(WORD_RESOURCE, "resource")                                                                          \
    X(WORD_GET, "GET")                                                                                    \
    X(WORD_PATCH, "PATCH")                                                                                \
    X(WORD_PUT, "PUT")                                                                                    \
    X(WORD_DELETE, "DELETE")                                                                              \
    X(WORD_REPORTED, "/properties/reported", "/properties/reported/")                                     \
    X(WORD_DESIRED, "/notifications/twin/properties/desired", "/notifications/twin/properties/desired/")  \
    /* properties of links */                                                                             \
    X(WORD_CHANNEL, "com.microsoft:channel-correlation-id")                                               \
    X(WORD_API_VERSION, "com.microsoft:api-version")                                                      \
    X(WORD_MODEL, "com.microsoft:model-id")                                                               \
    X(WORD_EPOCH, "com.microsoft:epoch")                                                                  \
    X(WORD_RECEIVER, "com.microsoft:receiver-name")                                                       \
    /* filters of receivers */                                                                            \
    X(WORD_SELECTOR, "apache.org:selector-filter:string")

enum amqp_word {
#define X(word, ...) word,
    AMQP_WORDS(X)
#undef X
        AMQP_WORDS_END
};

enum { AMQP_SPELLINGS_MAX = 3 };

/* True if the text is one of the spellings of the word. */
bool amqp_is(struct bytes text, enum amqp_word);
/* The value of the first pair whose key, a string or a symbol, is that word; false: there is none. */
bool amqp_map_word(const struct amqp_value *map, enum amqp_word, struct amqp_value *out);
/* The spellings of a word, NULL at the end; for tests. */
const char *const *amqp_spellings(enum amqp_word);
