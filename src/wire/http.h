/* HTTP/1.1 messages: requests for servers, responses for clients. Bytes in, one message at a time out, nothing looser
 * than the grammar: what two programs could read in two ways is refused (RFC 9112 11.2). HTTP/1.0 is understood. */
#pragma once

#include "buf.h"
#include "ceilings.h"

enum http_kind { HTTP_REQUESTS, HTTP_RESPONSES };

enum http_step {
    HTTP_STEP_MORE,    /* nothing complete yet: call again with more behind what was not used */
    HTTP_STEP_HEAD,    /* the head is there; go on calling for the body, or take what follows as it is (an upgrade) */
    HTTP_STEP_MESSAGE, /* the message is complete; the next call begins the next one */
    HTTP_STEP_BAD,     /* see `fault`; nothing can be read here any more */
};

enum http_fault {
    HTTP_FINE,
    HTTP_MALFORMED,       /* 400 */
    HTTP_TARGET_TOO_LONG, /* 414 */
    HTTP_BODY_TOO_LARGE,  /* 413; the head is there */
    HTTP_HEAD_TOO_LARGE,  /* 431: in bytes or in headers */
    HTTP_BAD_CODING,      /* 501: a transfer coding other than chunked */
    HTTP_BAD_VERSION,     /* 505 */
};

struct http_header {
    struct bytes name, value; /* the value without white space at its ends */
};

/* The head of a message. Views into the reader's copy: lent until the head of the next message is there. */
struct http_head {
    struct bytes method; /* of a request */
    struct bytes path;  /* of a request, still escaped, with its slash; scheme and host of an absolute form taken off */
    struct bytes query; /* behind the `?`, still escaped; at == NULL: there is none */
    int status;         /* of a response */
    int minor;          /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;    /* the connection stays open behind this message */
    bool wants_continue; /* Expect: 100-continue */
    bool upgrade;        /* Upgrade and Connection: upgrade, or a response 101 */
    bool has_body;       /* a length above zero, chunked, or (responses) until the connection ends */
    size_t n_headers;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/* The first header of that name in any case. The value is empty with at != NULL when the header is there without one.
 */
struct bytes http_header(const struct http_head *, struct bytes name);

struct http_in {
    struct http_head head;
    struct buf body; /* complete with HTTP_STEP_MESSAGE; lent until the next call */
    enum http_fault fault;
    bool answer_to_head; /* to be set before a response to a HEAD request is read: it has no body */
    bool skip_body;      /* to be set at HTTP_STEP_HEAD: the body is read, and not kept */
    /* Below: the reader's own. */
    enum http_kind kind;
    enum {
        HTTP_AT_HEAD,
        HTTP_AT_LENGTH, /* a body of `left` bytes */
        HTTP_AT_CHUNK_SIZE,
        HTTP_AT_CHUNK, /* `left` bytes of it */
        HTTP_AT_CHUNK_END,
        HTTP_AT_TRAILER,
        HTTP_AT_EOF,     /* a body that ends with the connection */
        HTTP_AT_MESSAGE, /* complete, and not reported yet */
        HTTP_AT_FAULT,
    } at;
    size_t scanned; /* bytes of a head that is not complete in which no end was found */
    size_t trailer_len;
    uint64_t left, body_len;
    struct buf text; /* the copy of the head */
};

/* Allocates nothing yet. Bodies above body_max are refused. */
void http_in_init(struct http_in *, enum http_kind kind, size_t body_max);
void http_in_free(struct http_in *);
/* Another limit, for the body that is about to be read. */
void http_in_body_max(struct http_in *, size_t body_max);
/* Gives memory back between two messages. */
void http_in_cool(struct http_in *);

/* Decodes a step. Takes *used bytes off the front of `in`; the next call gets the rest, with more behind it. */
enum http_step http_read(struct http_in *, struct bytes in, size_t *used) MUST_CHECK;
/* The connection ended: true when that completes a response. */
bool http_read_end(struct http_in *);

/* ---- targets --------------------------------------------------------------------------------------------------- */

enum { HTTP_SEGMENTS_MAX = 16 };

/* The segments of a path, decoded; a slash at the end does not count. */
struct http_path {
    struct bytes segments[HTTP_SEGMENTS_MAX]; /* views into `text` */
    size_t n;
    uint8_t text[HTTP_TARGET_MAX];
};

/* `%2F` separates too where it stands for every slash: some clients escape a whole path, ids and all, once more
 * (service 4.1). ERR_MALFORMED: a broken escape, a NUL, an empty segment. ERR_LIMIT: too many segments. */
enum err http_path_split(struct bytes path, struct http_path *out) MUST_CHECK;

/* The decoded value of the first parameter of that name, which is compared without case. ERR_NOT_FOUND, ERR_MALFORMED
 * (a broken escape, a NUL), ERR_TOO_LARGE. A parameter without `=` is empty. */
enum err http_query(struct bytes query, struct bytes name, char *out, size_t cap) MUST_CHECK;

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* A status line, or a request line; `target` stands as it is given. Headers follow, then one of the ends. */
void http_put_status(struct buf *b, int status);
void http_put_request(struct buf *b, const char *method, struct bytes target);
/* A value that would break the head makes the buffer bad. */
void http_put_header(struct buf *b, const char *name, struct bytes value);
void http_put_date(struct buf *b, int64_t now_ms);
/* "Thu, 26 Nov 2026 06:18:14 GMT", which is how all write it (RFC 9110, 5.6.7). */
bool http_date(struct bytes text, int64_t *ms);
/* Ends the head of a message that has no body (204, GET). */
void http_put_end(struct buf *b);
/* Ends the head with Content-Length and puts the body behind it, except (head_only) in an answer to HEAD. */
void http_put_body(struct buf *b, struct bytes body, bool head_only);
