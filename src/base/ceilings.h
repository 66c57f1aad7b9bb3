/* Every ceiling of the program, with its reason. "device 7.1" and "service 8.1" are sections of doc/contract; what a
 * client meets of them is in doc/limits.md. */
#pragma once

#include <assert.h>

/* Names. device 7.1: 128 characters. */
#define ID_LEN_MAX 128
#define IDENTITY_LEN_MAX (2 * ID_LEN_MAX + 1) /* a device and its module, with a slash between */
#define GROUP_LEN_MAX 50                      /* consumer group: what the cloud service allows */
#define POLICY_LEN_MAX 64                     /* as its portal */
#define HOST_LEN_MAX 253                      /* RFC 1035 */
#define REASON_LEN_MAX 128                    /* statusReason, service 4.3 */
#define KEY_LEN_MIN 16                        /* symmetric key, decoded, service 4.3 */
#define KEY_LEN_MAX 64
#define KEY_TEXT_MAX 88       /* the base64 text of the longest */
#define THUMBPRINT_LEN_MAX 64 /* hex digits of a SHA-256 */
#define SAS_LEN_MAX 2048      /* a token with a long resource is a few hundred */

/* Messages. device 7.1, 2.13. */
#define MESSAGE_LEN_MAX (256 * 1024) /* body and properties as counted by the contract */
#define TOPIC_LEN_MAX 65535          /* MQTT's own limit of a string */
#define PACKET_LEN_MAX \
    (MESSAGE_LEN_MAX + TOPIC_LEN_MAX + 16) /* an MQTT packet: the contract counts only part of the topic */
#define CONNECT_LEN_MAX (16 * 1024)        /* a stranger's first packet: names, token, a small will */
#define MODEL_LEN_MAX 2048                 /* a DTMI */
#define ROOM_RETRY_MS 100LL                /* a message that found no room is tried again after so long */
#define DEVICE_MESSAGES_DEFAULT 100000     /* a second, of one device: several times what one connection reaches */
#define REFUSED_EPISODE_MS 60000LL         /* a device that is over a ceiling is named in the log once in so long */
#define PROPS_MAX 256                      /* application properties of one message: more is a mistake */
#define SUBSCRIPTIONS_MAX 16               /* filters of one packet: SDKs send up to six */
#define RECORD_LEN_MAX (512 * 1024)        /* a message in its stored form, with annotations and framing */

/* Cloud-to-device messages. device 5, 7.1. */
#define C2D_LEN_MAX (64 * 1024)  /* counted as MESSAGE_LEN_MAX is */
#define C2D_KEPT_ROOM 4096       /* what one takes in the checkpoint besides its bytes: most of a page */
#define MAILBOX_DEPTH_DEFAULT 50 /* messages that wait for one device */
#define MAILBOX_DEPTH_MAX 100000 /* as far as it can be raised: what is known of each is in memory, about 150 bytes */
#define C2D_TTL_DEFAULT_MS (3600 * 1000LL)  /* how long one waits when it does not say so */
#define C2D_TTL_MIN_MS (60 * 1000LL)        /* what can be configured: a minute */
#define C2D_TTL_MAX_MS (2 * 86400 * 1000LL) /* to two days; a message that says more gets these two days */
#define C2D_DELIVERIES_DEFAULT 10           /* after so many it is a dead letter */
#define C2D_DELIVERIES_MAX 100
#define C2D_LOCK_MS (60 * 1000LL) /* a delivered one waits so long for its outcome */
#define C2D_WINDOW 16             /* unacknowledged ones on an MQTT connection, device 2.10 */
#define FEEDBACK_BATCH 64         /* records in one feedback message, */
#define FEEDBACK_AT_ONCE 10       /* or what there is: so many such messages leave at once, */
#define FEEDBACK_EVERY_MS 100LL   /* then one every so often; */
#define FEEDBACK_REST_MS (FEEDBACK_AT_ONCE * FEEDBACK_EVERY_MS) /* then all at once again; nothing waits longer */
#define FEEDBACK_OWN_MS (10 * 1000LL) /* whoever sent the message gets it alone for so long, if he reads */
#define FEEDBACK_TTL_DEFAULT_MS (3600 * 1000LL)
#define FEEDBACK_LOCK_MS (60 * 1000LL)
#define FEEDBACK_DELIVERIES_DEFAULT 10
#define FEEDBACK_MAX 65536 /* records that wait for a receiver: then the oldest go, as they would by age */

/* AMQP. */
#define AMQP_FRAME_MAX 65536   /* service 2.3, device 3.1 */
#define AMQP_CHANNEL_MAX 1023  /* pools take a session a device, up to 995; the cloud announces 8191 */
#define AMQP_LINKS_MAX 6144    /* of one connection, all sessions together: 1,000 devices have two to six each */
#define AMQP_VALUES_MAX 1024   /* in one frame, besides the message that it carries: the longest of an SDK has sixty */
#define AMQP_SETTLED_MAX 65535 /* deliveries that one disposition may name: Proton looks at each */
/* Memory that Proton keeps of each, measured with 0.37, and rounded up. */
#define AMQP_SESSION_COST 3584
#define AMQP_LINK_COST 2560
#define AMQP_VALUE_COST 160 /* of a filter: it is answered as it came, and so is there twice */
/* How much of these a connection may hold. */
#define AMQP_HELD_MAX (2 * 1024 * 1024) /* of the connection itself, */
#define AMQP_HELD_EACH (96 * 1024)      /* and for each token: a session, six links and what SDKs tell with them */
/* Of a connection that has not shown any valid credential, so that it costs 64 KB with TLS. Proton takes 24 KB of them
 * before anything came, and its buffers have room for a frame of this length. */
#define AMQP_FRAME_UNPROVED 8192        /* a token and a few names are two thousand */
#define AMQP_VALUES_UNPROVED 256        /* in one frame, the fields of an attach among them */
#define AMQP_HELD_UNPROVED (15 * 1024)  /* a session, two links and thirty values, or two sessions and two links */
#define AMQP_COMING_UNPROVED (6 * 1024) /* of requests of which the rest is still to come */
#define AMQP_SESSIONS_BORROWED 256 /* of a hub, above that: Java opens those of all its devices before it logs in */
#define AMQP_REQUESTS_COMING (256 * 1024) /* the same of one that has */
#define AMQP_COMING_MAX (8 * 1024 * 1024) /* bytes of messages of which the rest is still to come, all links together */
#define AMQP_MESSAGE_MAX (1024 * 1024)    /* device 3.1: announced on attach */
#define AMQP_IDLE_MS 240000               /* service 2.3 */
#define CBS_TOKENS_MAX 1024 /* tokens of one connection; the cloud's figure is not published, SDKs pool 995 */

/* Faults that a device asks for (device 10), where that is allowed. */
#define FAULT_SECONDS_MAX 3600 /* suites wait for minutes at most */
#define FAULT_REASON_MAX 63    /* of the text that says why; a longer one is left out */

/* Direct methods (service 4.7). */
#define CALL_NAME_MAX 128
#define CALL_PAYLOAD_MAX (128 * 1024)      /* each way */
#define CALL_WAIT_MAX_MS (300 * 1000)      /* for a device to come, and for its answer */
#define CALL_RESPONSE_MS (30 * 1000)       /* where the caller says nothing */
#define CALL_RESPONSE_LEAST_MS 5000        /* less is asked for by mistake */
#define CALLS_OF_DEVICE_MAX 100            /* open at once */
#define CALLS_BYTES_MAX (64 * 1024 * 1024) /* of the payloads of all open calls of a hub */

/* Twins (device 7.1, service 4.6). */
#define TWIN_PART_DEFAULT (32 * 1024) /* of a section, as twin_size() counts */
#define TWIN_PART_MAX (64 * 1024)     /* as far as it can be raised: then what becomes of it fits an answer */
#define TWIN_DEPTH_MAX 10             /* objects and arrays below a section; some functions recurse so deep */
#define TWIN_SKIP_DEPTH_MAX 32        /* of what is passed over: $metadata nests a level more than its section */
#define TWIN_KEY_MAX 1024
#define TWIN_TEXT_MAX 4096
#define TWIN_INTEGER_MAX 4503599627370495ULL /* and one more below zero */
#define TWIN_NUMBER_MAX 64                   /* characters of one: a double has at most 24 */
/* Bytes that a section may take for each byte of its limit, times and versions with it: what counts nothing, as empty
 * arrays do, takes memory all the same. */
#define TWIN_STORED_RATIO 8
#define TWIN_RUN_MAX (TWIN_PARTS_STORED * TWIN_STORED_RATIO * TWIN_PART_MAX + 4096)
#define TWIN_PARTS_STORED 3
/* As JSON, with its metadata: 4,681 names of three letters, which a section has room for, are half a megabyte. */
#define TWIN_JSON_MAX (2 * 1024 * 1024)
#define TWIN_BY_MAX 128             /* the id of a configuration, and its digest */
#define DESIRED_WAITING (64 * 1024) /* bytes of notifications that wait for one device: then the newest state does */
#define TWINS_IDLE (1024 * 1024)    /* bytes of twins of a shard that stay in memory without being changed */
#define TWINS_SCRATCH (64 * 1024)   /* what a shard keeps of the room in which it made a large one */
#define TWINS_MEMORY_MAX (192 * 1024 * 1024ULL)  /* of all; what changed stays until the next checkpoint */
#define TWINS_MEMORY_SPARE (48 * 1024 * 1024ULL) /* with so much of them a checkpoint does not wait for others */

/* Events. */
#define PARTITIONS_MAX 32 /* service 2.1 */
#define PARTITIONS_DEFAULT 4
#define GROUPS_MAX 20 /* service 2.1 */
#define READERS_MAX \
    1024 /* without epoch on one partition of one group: the cloud allows 5, many receivers is what we add */
#define FILTER_DEVICES_MAX 64 /* senders that one receiver may name */
#define SELECTOR_LEN_MAX 8192
#define SELECTOR_DEPTH_MAX 8                  /* of parentheses: none needs more */
#define RETENTION_DEFAULT_MS (86400LL * 1000) /* service 2.1: one day, at most seven */

/* The checkpoint. */
#define STATE_BATCH (4U << 20)        /* bytes of a transaction, in memory until its commit: then the next one begins */
#define STATE_BATCH_SMALL (32U << 10) /* of one while connections are served, and what is copied under a lock at once */
#define STATE_BATCH_MAX (64U << 20)   /* what one holds at most: a batch, and what must not be parted from it */

/* Registry. */
#define LIST_MAX 1000 /* service 4.3: GET /devices?top= */

#define EDGE_SCOPE_LEN_MAX 191 /* of an edge device: its id, its generation, and what stands before them */
#define MODULES_MAX 50         /* service 8.1: of one device, $edgeAgent and $edgeHub among them */
#define MANAGED_BY_LEN_MAX 128 /* of a module: who looks after it, as long as the name of one */
#define EDGE_DEPTH_MAX 16      /* edge devices above one another: the documents have five */
#define BULK_MAX 100           /* service 4.4: identities of one request */
#define QUERY_LEN_MAX 8192
#define QUERY_COLUMNS_MAX 64
#define QUERY_DEPTH_MAX 32         /* of parentheses, NOT, minus and calls: the compiler recurses */
#define QUERY_PAGE_MAX 100         /* service 4.8 */
#define DPS_PAGE_MAX 40            /* enrollments are up to DOC_LEN_MAX each */
#define QUERY_SCAN_MAX 250         /* devices that are listed in one go, */
#define QUERY_SCAN_BYTES 65536     /* or those whose twins fill this: then they are still in a near cache when */
#define QUERY_TURN 32              /* they are looked at: so many, some 20 us, then others may have the processor, */
#define QUERY_WORK_MAX (32 * 1024) /* and steps of its condition, all devices together: some 1 ms */
/* Indexes of paths that queries have asked for. */
#define INDEXES_MAX 8      /* the one that was asked for longest ago makes room, */
#define INDEX_RESTS 32     /* once so many questions were asked without it: making one takes a look at every twin */
#define INDEX_PATH_MAX 256 /* bytes of the names of a path: longer ones are looked for the long way */
#define INDEX_SLICE 256    /* names that an index gives in one go */
#define INDEX_TURN 32      /* twins that are looked at in one go while it is made: some 50 us */
#define INDEX_BYTES_MAX (48U << 20)             /* of all, 40 to 60 for an entry: a path beyond that has no index */
#define QUERY_BODY_MAX (2 * 1024 * 1024)        /* of a page: it ends before its hundredth row when they are large */
#define QUERY_GROUP_PATHS_MAX 8                 /* of GROUP BY */
#define QUERY_GROUPS_MAX 10000                  /* groups of one query, */
#define QUERY_GROUP_BYTES_MAX (4 * 1024 * 1024) /* and what they take in memory until it has ended */

/* Jobs (service 4.9, 4.10). */
#define JOB_ID_MAX 64
#define JOB_BODY_MAX (256 * 1024) /* what is to be done: a twin of all its parts, or the payload of a method */
#define JOB_ETAG_MAX 64           /* what twins have to be: longer ones are no ETags */
#define JOB_CHUNK 256             /* devices that are written together */
#define JOB_RESULT_MAX 4096       /* what is kept of a device's answer; a longer one is left out */
#define JOBS_ACTIVE_MAX 10        /* that have not ended: as the largest hub of the cloud; one of export and import */
#define JOB_LINE_MAX (TWIN_JSON_MAX + 16 * 1024) /* of a file that is imported: the longest that is exported */
#define CONTAINER_MIN 3                          /* of names: as the field has them */
#define CONTAINER_MAX 63
#define BLOB_MAX 128
#define JOBS_MAX 1000                          /* that are remembered, */
#define JOB_ROWS_MAX (1 << 20)                 /* the devices of one, */
#define JOB_BYTES_MAX (64 << 20)               /* what these take with their results: in memory while it runs */
#define JOB_BYTES_KEPT_MAX (256 << 20)         /* those of all: the oldest that have ended go */
#define JOB_KEPT_MS (30 * 86400LL * 1000)      /* and for how long: service 4.9 */
#define JOB_AHEAD_MAX_MS (168 * 3600LL * 1000) /* when it may start */
#define JOB_LIMIT_MS (3600 * 1000LL)           /* how long one may run that does not say */
#define JOB_LIMIT_MAX_MS (30 * 86400LL * 1000)

/* Conditions: of queries, selectors, grants and routes. They are compiled once; nothing grows while they run. */
#define CONDITION_PATH_MAX 32      /* names of one path: twins nest to ten */
#define CONDITION_ARGUMENTS_MAX 16 /* of one call: CONCAT takes as many as one likes */
#define CONDITION_STACK_MAX 208 /* values at once: six for each level of QUERY_DEPTH_MAX, and the arguments of a call */
#define CONDITION_SCRATCH 8192  /* bytes of texts that a condition makes (LOWER, CONCAT) for one row: as its own text */
#define CONDITION_WORK_MAX (4 * 1024 * 1024) /* bytes of texts that it may go through for one row: some 2 ms */

#define CONFIGURATIONS_ALIVE 100    /* service 8.1 */
#define CONFIGURATIONS_ROOM 200     /* with those that are deleted and not gone everywhere yet */
#define CONFIGURATION_METRICS_MAX 5 /* service 4.11 */

#define DOCS_MAX 100000         /* enrollments, groups or registrations: all of them are in memory */
#define DOC_LEN_MAX (32 * 1024) /* one of them: its twin is at most 8 KB of tags, its certificates 4 KB each */

#define LINKED_HUBS_MAX 32       /* of a provisioning service, besides its own */
#define ASSIGNING_MS (5 * 60000) /* longer than a request to somebody outside can take */
#define CHALLENGES_MAX 512  /* of TPMs over HTTPS, a KB each: as many devices may register in the same five minutes */
#define CHALLENGES_OF_ONE 4 /* provisioning 5.2 */
#define CHALLENGE_MS (5 * 60000) /* provisioning 5.2 */
#define CHALLENGE_FRESH_MS 10000 /* a device answers its challenge within this time */

#define CAS_MAX 25      /* CA certificates of a hub, as the cloud allows */
#define CA_NAME_MAX 64  /* as the management plane of the cloud */
#define CA_LEN_MAX 4096 /* DER; one with an RSA key of 8192 bits is 2 KB */

/* HTTP. */
#define HTTP_HEAD_MAX (16 * 1024)
#define HTTP_TARGET_MAX 4096 /* path and query: the longest id escaped twice is 640 */
#define HTTP_HEADERS_MAX 100
#define HTTP_BODY_MAX (1024 * 1024)    /* bulk registry requests; a message is refused earlier */
#define HTTP_BATCH_MAX 1024            /* messages of one request: SDKs count 384 bytes for each, which makes 682 */
#define HTTP_BODY_UNPROVED (32 * 1024) /* a registration, whose payload is part of a document of DOC_LEN_MAX */
#define JSON_VALUES_MAX 32768          /* in one body: what it becomes in memory is a hundred times what it weighs */
#define HTTP_HEAD_MS 15000             /* a slow client has this long for a head, */
#define HTTP_BODY_MS 60000             /* this for a body, */
#define HTTP_IDLE_MS 120000            /* and this between two requests */

/* WebSocket: frames are parts of a stream, so that this only ends what cannot be meant. */
#define WS_FRAME_MAX (16 * 1024 * 1024)

/* Connections. */
#define TLS_CHAIN_MAX 8 /* certificates of a client that are looked at: a device's own and those above it */
#define TLS_CHAIN_LEN_MAX (32 * 1024) /* what the handshake takes of them; a chain is seldom 8 */
#define CONN_IN_MAX (PACKET_LEN_MAX + 4096)
/* Bytes read at once of a peer that has not shown who it is: it completes a record of TLS. And what is kept of that:
 * the first packet or head, and what came with its last byte. */
#define READ_UNPROVED (8 * 1024)
#define CONN_IN_UNPROVED (HTTP_HEAD_MAX + READ_UNPROVED + 17 * 1024)
#define CONN_IN_SOFT (64 * 1024)     /* while it waits for room, no more of it is read from here on */
#define CONN_OUT_MAX (2560 * 1024)   /* of each half; a front stops pulling long before */
#define CONN_OUT_SOFT (128 * 1024)   /* from here on nothing more is pulled or read for this peer */
#define CONN_OUT_UNPROVED (8 * 1024) /* the same for who has not shown who he is */
#define HANDSHAKE_MS 15000           /* for the TLS handshake */
#define FLUSH_MS 5000                /* for the last output of a connection that is being closed */
#define LINGER_MS 1000               /* for the peer to close too */
#define WARM_MS 2000                 /* an idle connection keeps its buffers for this long */
#define CONNECT_MS 60000             /* for the first packet after it, device 2.1 */
#define UNPROVED_MS 120000           /* for all that who has not shown who he is may want: TPM_MS, and time to spare */
#define CONNECTION_COST (32 * 1024)  /* of one that is idle, with TLS and what a front knows of it, rounded up */
/* The most that a connection costs before its peer has shown who it is: 64 KiB, and 8 more where OpenSSL keeps the room
 * for 32 records each way apart (since 3.2). */
#define UNPROVED_COST (72 * 1024)
#define CONNECTIONS_LEAST 16     /* whatever the limits of the system are */
#define CONNECTIONS_MOST 1000000 /* what can be configured */
#define UNPROVED_MOST 8192       /* at once, if nothing is configured: 576 MB, and handshakes for seconds */
#define UNPROVED_SHARE 4         /* one address may have this part of them: others still get in */
#define DESCRIPTORS_KEPT 64      /* for segments, the checkpoint, requests to others, and what reads the system */
#define REFUSALS_MS 10000        /* without one: then it is over, and the log says how many there were */
#define TPM_MS 90000             /* for a TPM to prove itself inside of SASL: Java waits 60 s for the chip */
#define KEEP_ALIVE_MAX_S 1767    /* device 2.5: 1.5 x keep-alive is never more */
#define SKEW_MS (5 * 60 * 1000)  /* device 1.4: clock skew allowed in tokens */
#define TOKEN_GRACE_MS (10 * 60 * 1000) /* device 1.4: an open MQTT connection outlives its token by this */

/* The system's clock, which can be set to what is wrong (clock_guard.h). */
#define CLOCK_SMALL_MS 5000 /* as far as it may be off before it is a jump: network time corrects less by speed alone */
#define CLOCK_STEADY_MS \
    (10 * 60 * 1000) /* so long a clock that jumped has to go on evenly until it is believed: a wrong
                                          * source is noticed by others before, and nothing is lost by waiting */
#define CLOCK_TOLD_MS \
    30000 /* or so long, when it was certainly wrong at the start and jumped ahead: no battery clock */
#define CLOCK_GAP_MS (86400 * 1000LL)  /* a hub that was away for longer than a day may as well have a wrong clock */
#define CLOCK_FLOOR_MS 1704067200000LL /* 2024: before this program was written it was certainly not */

/* The store. */
#define FAULT_REGIONS_MAX 16384 /* mapped files: a terabyte of segments that are all being read, and the checkpoint */
#define GAPS_MAX \
    1024 /* ranges of the log that cannot be read and are told of one by one: more is a disk to be thrown away */

/* Memory of the process. */
#define MEMORY_KEPT_SHARE 10                    /* of what it may use, this part is for what is there: */
#define MEMORY_KEPT_LEAST (8 * 1024 * 1024LL)   /* nothing new begins in it. This much of it, */
#define MEMORY_KEPT_MOST (256 * 1024 * 1024LL)  /* or this; */
#define MEMORY_KEPT_MAPPED (16 * 1024 * 1024LL) /* of ulimit -v and -d, which count what is not used, too, this. */
#define MEMORY_LOOK_MS 1000                     /* Looked at so often, */
#define MEMORY_LOOK_AGAIN_MS 50                 /* and again when what was seen then is promised */
#define LAST_MEMORY_PIECE (2 * 1024 * 1024)     /* address space that is given up when an allocation fails, */
#define LAST_MEMORY_PIECES 8                    /* so many times, */
#define LAST_MEMORY_FOR (128 * 1024) /* one for less than that: who wants more can be told that there is none */

/* A hub that is restored from a backup leaves out the numbers that the lost one may have given since, at its fastest,
 * and no fewer than in an hour. */
#define LOST_BYTES_PER_S (1LL << 30)  /* places in the log: no disk of a small server writes more */
#define LOST_EVENTS_PER_S (1LL << 20) /* sequence numbers of a partition; ten years of them are exact in a double */
#define LOST_S_MIN 3600

/* The log, whose reader may not read for long. */
#define LOG_LINES_PER_SECOND 200 /* a flood of refusals must not fill the disk that keeps messages */
#define LOG_LINE_MAX 8192
#define LOG_ROOM (256 * 1024) /* twice: a second of the longest lines that come, or a thousand changes of an operator */
#define LOG_ROOM_KEPT (64 * 1024) /* of it for errors and the changes of operators */
#define LOG_FLUSH_MS 2000         /* at the end of the hub, for what is not written yet */

static_assert(PACKET_LEN_MAX < CONN_IN_MAX, "a packet must fit the input it arrives in");
static_assert(MESSAGE_LEN_MAX + TOPIC_LEN_MAX < RECORD_LEN_MAX, "what is accepted must fit a record");
static_assert(AMQP_FRAME_UNPROVED <= HTTP_HEAD_MAX, "a first frame must fit too");
static_assert(CONN_OUT_SOFT + RECORD_LEN_MAX < CONN_OUT_MAX, "one more message always fits after the soft limit");
static_assert(HTTP_HEAD_MAX + HTTP_BODY_MAX < CONN_OUT_MAX * 2, "a request is not larger than what we could say");
