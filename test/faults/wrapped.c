/* The linker puts these in the place of each call in `wrapped` of CMakeLists.txt. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* WRAP(kind, what it gives and which errno there is when it fails, type, name, parameters, arguments) */
#define WRAP(kind, failed, number, type, name, parameters, arguments) \
    type __real_##name parameters;                                    \
    type __wrap_##name parameters;                                    \
    type __wrap_##name parameters                                     \
    {                                                                 \
        if (!fault(kind))                                             \
            return __real_##name arguments;                           \
        errno = number;                                               \
        return failed;                                                \
    }

WRAP(FAULT_ALLOC, NULL, ENOMEM, void *, malloc, (size_t n), (n))
WRAP(FAULT_ALLOC, NULL, ENOMEM, void *, calloc, (size_t n, size_t size), (n, size))
WRAP(FAULT_ALLOC, NULL, ENOMEM, void *, realloc, (void *old, size_t n), (old, n))
WRAP(FAULT_ALLOC, NULL, ENOMEM, char *, strdup, (const char *s), (s))

WRAP(FAULT_WRITE, -1, ENOSPC, ssize_t, pwrite64, (int fd, const void *at, size_t n, off_t where), (fd, at, n, where))
WRAP(FAULT_WRITE, -1, ENOSPC, ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off_t where),
     (fd, v, n, where))
WRAP(FAULT_WRITE, -1, ENOSPC, ssize_t, pwritev64v2, (int fd, const struct iovec *v, int n, off_t where, int flags),
     (fd, v, n, where, flags))
WRAP(FAULT_WRITE, -1, ENOSPC, int, ftruncate64, (int fd, off_t n), (fd, n))
WRAP(FAULT_WRITE, ENOSPC, ENOSPC, int, posix_fallocate64, (int fd, off_t from, off_t n), (fd, from, n))
WRAP(FAULT_READ, -1, EIO, ssize_t, pread64, (int fd, void *at, size_t n, off_t where), (fd, at, n, where))
WRAP(FAULT_READ, -1, EIO, ssize_t, read, (int fd, void *at, size_t n), (fd, at, n))
WRAP(FAULT_SYNC, -1, EIO, int, fsync, (int fd), (fd))
WRAP(FAULT_SYNC, -1, EIO, int, fdatasync, (int fd), (fd))
WRAP(FAULT_OPEN, NULL, EMFILE, FILE *, fopen64, (const char *name, const char *how), (name, how))
WRAP(FAULT_OPEN, -1, EACCES, int, mkdir, (const char *name, mode_t mode), (name, mode))
WRAP(FAULT_OPEN, -1, EIO, int, rename, (const char *from, const char *to), (from, to))
WRAP(FAULT_OPEN, -1, EIO, int, unlink, (const char *name), (name))
WRAP(FAULT_MMAP, MAP_FAILED, ENOMEM, void *, mmap64, (void *at, size_t n, int how, int flags, int fd, off_t from),
     (at, n, how, flags, fd, from))
WRAP(FAULT_THREAD, EAGAIN, EAGAIN, int, pthread_create,
     (pthread_t * out, const pthread_attr_t *how, void *(*run)(void *), void *ctx), (out, how, run, ctx))

int __real_open64(const char *name, int how, ...);
int __wrap_open64(const char *name, int how, ...);
int __real_openat64(int at, const char *name, int how, ...);
int __wrap_openat64(int at, const char *name, int how, ...);

/* write() to what is not a file goes to people: a log line that is lost is no fault of the disk. */
ssize_t __real_write(int fd, const void *at, size_t n);
ssize_t __wrap_write(int fd, const void *at, size_t n);

ssize_t __wrap_write(int fd, const void *at, size_t n)
{
    if (fd <= STDERR_FILENO || !fault(FAULT_WRITE))
        return __real_write(fd, at, n);
    errno = ENOSPC;
    return -1;
}

int __wrap_open64(const char *name, int how, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, how);
    mode = how & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (!fault(FAULT_OPEN))
        return __real_open64(name, how, mode);
    errno = EMFILE;
    return -1;
}

int __wrap_openat64(int at, const char *name, int how, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, how);
    mode = how & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (!fault(FAULT_OPEN))
        return __real_openat64(at, name, how, mode);
    errno = EMFILE;
    return -1;
}

#define LMDB(name, parameters, arguments) WRAP(FAULT_LMDB, MDB_PANIC, EIO, int, name, parameters, arguments)

LMDB(mdb_env_create, (MDB_env * *env), (env))
LMDB(mdb_env_open, (MDB_env * env, const char *path, unsigned flags, mdb_mode_t mode), (env, path, flags, mode))
LMDB(mdb_env_set_mapsize, (MDB_env * env, size_t size), (env, size))
LMDB(mdb_env_set_maxdbs, (MDB_env * env, MDB_dbi n), (env, n))
LMDB(mdb_txn_begin, (MDB_env * env, MDB_txn *parent, unsigned flags, MDB_txn **out), (env, parent, flags, out))
LMDB(mdb_dbi_open, (MDB_txn * txn, const char *name, unsigned flags, MDB_dbi *out), (txn, name, flags, out))
LMDB(mdb_get, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value), (txn, dbi, key, value))
LMDB(mdb_put, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags), (txn, dbi, key, value, flags))
LMDB(mdb_del, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value), (txn, dbi, key, value))
LMDB(mdb_cursor_open, (MDB_txn * txn, MDB_dbi dbi, MDB_cursor **out), (txn, dbi, out))
LMDB(mdb_cursor_get, (MDB_cursor * c, MDB_val *key, MDB_val *value, MDB_cursor_op op), (c, key, value, op))

/* A commit that fails has thrown its transaction away. */
int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);

int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (!fault(FAULT_LMDB))
        return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return ENOSPC;
}

#define CRYPTO(failed, type, name, parameters, arguments) \
    WRAP(FAULT_OPENSSL, failed, 0, type, name, parameters, arguments)

CRYPTO(NULL, SSL *, SSL_new, (SSL_CTX * ctx), (ctx))
CRYPTO(NULL, SSL_CTX *, SSL_CTX_new, (const SSL_METHOD *m), (m))
CRYPTO(0, int, SSL_write_ex, (SSL * s, const void *at, size_t n, size_t *done), (s, at, n, done))
CRYPTO(0, int, SSL_read_ex, (SSL * s, void *at, size_t n, size_t *done), (s, at, n, done))
CRYPTO(-1, int, SSL_do_handshake, (SSL * s), (s))
CRYPTO(NULL, BIO *, BIO_new, (const BIO_METHOD *m), (m))
CRYPTO(NULL, BIO *, BIO_new_mem_buf, (const void *at, int n), (at, n))
CRYPTO(NULL, unsigned char *, HMAC,
       (const EVP_MD *md, const void *key, int key_len, const unsigned char *d, size_t n, unsigned char *out,
        unsigned *len),
       (md, key, key_len, d, n, out, len))
CRYPTO(0, int, EVP_Digest, (const void *d, size_t n, unsigned char *out, unsigned *len, const EVP_MD *md, ENGINE *e),
       (d, n, out, len, md, e))
CRYPTO(NULL, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), ())
CRYPTO(NULL, X509 *, X509_new, (void), ())
CRYPTO(NULL, X509 *, d2i_X509, (X509 * *out, const unsigned char **at, long n), (out, at, n))
CRYPTO(NULL, X509 *, PEM_read_bio_X509, (BIO * b, X509 **out, pem_password_cb *cb, void *ctx), (b, out, cb, ctx))
CRYPTO(NULL, EVP_PKEY *, PEM_read_bio_PrivateKey, (BIO * b, EVP_PKEY **out, pem_password_cb *cb, void *ctx),
       (b, out, cb, ctx))
CRYPTO(NULL, X509_STORE *, X509_STORE_new, (void), ())
CRYPTO(NULL, X509_STORE_CTX *, X509_STORE_CTX_new, (void), ())
CRYPTO(0, int, X509_STORE_CTX_init, (X509_STORE_CTX * ctx, X509_STORE *store, X509 *x, STACK_OF(X509) * chain),
       (ctx, store, x, chain))
CRYPTO(0, int, X509_STORE_add_cert, (X509_STORE * store, X509 *x), (store, x))
CRYPTO(0, int, X509_digest, (const X509 *x, const EVP_MD *md, unsigned char *out, unsigned *len), (x, md, out, len))
CRYPTO(0, int, X509_sign, (X509 * x, EVP_PKEY *key, const EVP_MD *md), (x, key, md))
CRYPTO(NULL, OPENSSL_STACK *, OPENSSL_sk_new_null, (void), ())
CRYPTO(0, int, OPENSSL_sk_push, (OPENSSL_STACK * stack, const void *x), (stack, x))
CRYPTO(0, int, SSL_set_ex_data, (SSL * s, int i, void *x), (s, i, x))
CRYPTO(0, int, EVP_EncryptInit_ex,
       (EVP_CIPHER_CTX * ctx, const EVP_CIPHER *c, ENGINE *e, const unsigned char *key, const unsigned char *iv),
       (ctx, c, e, key, iv))
CRYPTO(0, int, EVP_EncryptUpdate, (EVP_CIPHER_CTX * ctx, unsigned char *out, int *n, const unsigned char *in, int len),
       (ctx, out, n, in, len))
CRYPTO(0, int, EVP_MAC_CTX_set_params, (EVP_MAC_CTX * ctx, const OSSL_PARAM *p), (ctx, p))
CRYPTO(NULL, EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX * lib, EVP_PKEY *key, const char *query),
       (lib, key, query))
CRYPTO(NULL, unsigned char *, SHA256, (const unsigned char *d, size_t n, unsigned char *out), (d, n, out))
CRYPTO(0, int, RAND_bytes, (unsigned char *out, int n), (out, n))
CRYPTO(0, int, SSL_CTX_use_certificate_chain_file, (SSL_CTX * ctx, const char *name), (ctx, name))
CRYPTO(0, int, SSL_CTX_use_PrivateKey_file, (SSL_CTX * ctx, const char *name, int type), (ctx, name, type))
