#include "tls.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

void tickets_init(struct tickets *t)
{
    *t = (struct tickets){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void tickets_free(struct tickets *t)
{
    OPENSSL_cleanse(t->keys, sizeof t->keys);
    pthread_mutex_destroy(&t->lock);
}

/* The key that seals now: a new one takes the place of one that is too old. False without randomness. */
static bool sealing_key(struct tickets *t, int64_t now_ms, struct ticket_key *out)
{
    struct ticket_key new = {.from_ms = now_ms, .made = true};
    bool good = true;

    pthread_mutex_lock(&t->lock);
    if (!t->keys[0].made || now_ms - t->keys[0].from_ms >= TICKET_KEY_MS) {
        good = RAND_bytes(new.name, sizeof new.name) == 1 && RAND_priv_bytes(new.aes, sizeof new.aes) == 1 &&
               RAND_priv_bytes(new.mac, sizeof new.mac) == 1;
        if (good) {
            memmove(t->keys + 1, t->keys, (TICKET_KEYS - 1) * sizeof *t->keys);
            t->keys[0] = new;
        }
        OPENSSL_cleanse(&new, sizeof new);
    }
    assert(!good || t->keys[0].made);
    *out = t->keys[0];
    pthread_mutex_unlock(&t->lock);
    return good;
}

/* The key of that name, while tickets that it sealed may still be good. *fresh: it still seals. */
static bool opening_key(struct tickets *t, const uint8_t *name, int64_t now_ms, struct ticket_key *out, bool *fresh)
{
    bool found = false;

    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < TICKET_KEYS && !found; i++) {
        const struct ticket_key *k = t->keys + i;

        if (!k->made || memcmp(k->name, name, sizeof k->name) != 0)
            continue;
        found = now_ms - k->from_ms < TICKET_KEYS * TICKET_KEY_MS;
        *fresh = i == 0 && now_ms - k->from_ms < TICKET_KEY_MS;
        *out = *k;
    }
    pthread_mutex_unlock(&t->lock);
    return found;
}

static bool use_key(struct ticket_key *k, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof k->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"sha256"}, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1 &&
           EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->aes, iv, sealing) == 1;
}

/* OpenSSL asks for the key of a ticket. Its answers: -1 failed, 0 no such key, 1 here it is, 2 and hand out a new
 * ticket. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int sealing)
{
    struct tls_conn *c = SSL_get_app_data(ssl);
    struct ticket_key key;
    bool fresh = true;
    int answer;

    if (sealing) {
        if (c->showed) /* RFC 5077 3.3: an empty ticket stands for none */
            return 0;
        if (!sealing_key(&c->tls->tickets, c->now_ms, &key) || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            return -1;
        memcpy(name, key.name, sizeof key.name);
    } else if (!opening_key(&c->tls->tickets, name, c->now_ms, &key, &fresh)) {
        return 0;
    }
    answer = use_key(&key, iv, cipher, mac, sealing) ? (fresh ? 1 : 2) : -1;
    OPENSSL_cleanse(&key, sizeof key);
    return answer;
}

bool tickets_use(SSL_CTX *ctx)
{
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 1;
}
