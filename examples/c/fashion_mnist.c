/* Trains a perceptron with one hidden layer on Fashion-MNIST, through the C API alone.
 *
 *     fashion_mnist [FOLDER [EPOCHS [PERCENT]]]
 *
 * FOLDER holds the four idx files (train-images-idx3-ubyte and so on), gzipped or not; by default
 * it is where Debian's package dataset-fashion-mnist puts them. The model and what is printed are
 * those of examples/python/train_images.py. Fails where fewer than PERCENT of the
 * held-out images are told right: 88 by default.
 */
#include <facula/facula.h>

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZLIB
#include <zlib.h> /* its functions read plain files too */
#else
#define gzFile FILE *
#define gzopen fopen
#define gzread(file, buffer, n) (int)fread(buffer, 1, n, file)
#define gzclose fclose
#endif

enum { HIDDEN = 128, CLASSES = 10, BATCH = 64 };

static const double RATE = 4e-3;   /* at its peak */
static const double WARM_UP = 0.2; /* the part of the steps in which it rises */

static bool complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("fashion_mnist: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

/* After something of facula's failed. */
static bool failed(const char *what) {
    return complain("%s: %s", what, fac_error());
}

/* --- idx files ------------------------------------------------------------------------------- */

/* Opens FOLDER/NAME or FOLDER/NAME.gz; `path` says which. */
static gzFile open_idx(char *path, size_t room, const char *folder, const char *name) {
    gzFile file = NULL;
    for (int gz = 0; gz < 2 && file == NULL; gz++) {
        if ((size_t)snprintf(path, room, "%s/%s%s", folder, name, gz ? ".gz" : "") >= room) {
            complain("the path of %s is too long", name);
            return NULL;
        }
        errno = 0;
        file = gzopen(path, "rb");
    }
    if (file == NULL)
        complain("%s/%s, gzipped or not: %s", folder, name,
                 errno != 0 ? strerror(errno) : "not enough memory");
    return file;
}

/* All of a file, to be freed. */
static unsigned char *read_all(gzFile file, const char *path, size_t *size) {
    size_t room = 1 << 20, used = 0;
    unsigned char *bytes = malloc(room);
    int got = 0;
    while (bytes != NULL && (got = gzread(file, bytes + used, (unsigned)(room - used))) > 0) {
        used += (size_t)got;
        if (used < room)
            continue;
        unsigned char *more = room <= SIZE_MAX / 2 ? realloc(bytes, room *= 2) : NULL;
        if (more == NULL)
            free(bytes);
        bytes = more;
    }
    if (bytes == NULL)
        complain("%s: not enough memory", path);
    else if (got < 0)
        complain("%s: cannot be read, or is no whole gzip file", path);
    if (got < 0) {
        free(bytes);
        bytes = NULL;
    }
    *size = used;
    return bytes;
}

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The bytes as a tensor: two zeros, 8 for bytes, the rank, the sizes, the elements. */
static fac_tensor *parse_idx(const unsigned char *bytes, size_t size, int rank, const char *path) {
    int64_t sizes[3];
#ifndef HAVE_ZLIB
    if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
        complain("%s is gzipped, and this program was built without zlib: gunzip the four files "
                 "into a folder and name that",
                 path);
        return NULL;
    }
#endif
    size_t head = 4 + 4 * (size_t)rank, left;
    if (size < head || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != rank) {
        complain("%s is not an idx file of bytes with %d dimensions", path, rank);
        return NULL;
    }
    left = size - head;
    for (int i = 0; i < rank; i++) {
        sizes[i] = big_endian(bytes + 4 + 4 * i);
        if (sizes[i] == 0 || left % (size_t)sizes[i] != 0)
            left = 0;
        else
            left /= (size_t)sizes[i];
    }
    if (left != 1) {
        complain("%s is cut short or too long for the sizes that it gives", path);
        return NULL;
    }
    fac_tensor *t = fac_from_data(bytes + head, FAC_UINT8, (fac_ints){sizes, rank, true});
    if (!fac_ok(t)) {
        failed(path);
        return NULL;
    }
    return t;
}

static fac_tensor *read_idx(const char *folder, const char *name, int rank) {
    char path[4096];
    size_t size;
    gzFile file = open_idx(path, sizeof path, folder, name);
    if (file == NULL)
        return NULL;
    unsigned char *bytes = read_all(file, path, &size);
    gzclose(file);
    if (bytes == NULL)
        return NULL;
    fac_tensor *t = parse_idx(bytes, size, rank, path);
    free(bytes);
    return t;
}

/* --- data ------------------------------------------------------------------------------------ */

struct data {
    fac_tensor *images; /* (N, pixels), uint8 */
    fac_tensor *labels; /* (N,), int64 */
};

static bool load(struct data *d, const char *folder, const char *part) {
    char images[64], labels[64];
    snprintf(images, sizeof images, "%s-images-idx3-ubyte", part);
    snprintf(labels, sizeof labels, "%s-labels-idx1-ubyte", part);
    fac_tensor *x = read_idx(folder, images, 3), *y = x ? read_idx(folder, labels, 1) : NULL;
    if (y == NULL)
        return false;
    if (fac_size(x, 0) != fac_size(y, 0))
        return complain("%s/%s has %lld images and %lld labels", folder, part,
                        (long long)fac_size(x, 0), (long long)fac_size(y, 0));
    d->images = fac_flatten(x, .start_dim = 1);
    d->labels = fac_to_dtype(y, FAC_INT64);
    if (!fac_ok(d->images) || !fac_ok(d->labels))
        return failed(part);
    if (fac_item_int(fac_max(y)) >= CLASSES)
        return complain("%s/%s names a class beyond %d", folder, labels, CLASSES - 1);
    return true;
}

/* Brings every pixel to mean 0 and deviation 1, as those that are learned from have them; the
 * deviation of nearly constant ones is taken for more than it is. */
struct scale {
    fac_tensor *mean, *deviation; /* (pixels) */
};

static const double LEAST_DEVIATION = 25.5; /* of values from 0 to 255 */

static bool measure(struct scale *s, fac_tensor *images) {
    s->mean = fac_empty(fac_dims(fac_size(images, 1)));
    s->deviation = fac_empty(fac_dims(fac_size(images, 1)));
    fac_scope *scope = fac_scope_open();
    fac_tensor *x = fac_to_dtype(images, FAC_FLOAT32);
    fac_copy_(s->mean, fac_mean(x, .dim = fac_dims(0)));
    fac_copy_(s->deviation, fac_add(fac_std(x, .dim = fac_dims(0)), LEAST_DEVIATION));
    fac_scope_close(scope);
    return fac_error_kind() == FAC_OK;
}

static fac_tensor *pixels(const struct scale *s, fac_tensor *images) {
    fac_tensor *x = fac_to_dtype(images, FAC_FLOAT32);
    return fac_div_(fac_sub_(x, s->mean), s->deviation);
}

/* --- the model ------------------------------------------------------------------------------- */

struct model {
    struct scale scale;
    fac_tensor *w1, *b1, *w2, *b2;
};

/* A parameter drawn evenly from [-bound, bound]. */
static fac_tensor *parameter(fac_ints sizes, double bound) {
    fac_tensor *p = fac_uniform_(fac_empty(sizes), .from_ = -bound, .to = fac_some_float(bound));
    return fac_set_requires_grad(p, true) ? p : fac_bad;
}

static bool make_model(struct model *m, fac_tensor *images) {
    int64_t inputs = fac_size(images, 1);
    double first = 1 / sqrt((double)inputs), second = 1 / sqrt((double)HIDDEN);
    m->w1 = parameter(fac_dims(HIDDEN, inputs), first);
    m->b1 = parameter(fac_dims(HIDDEN), first);
    m->w2 = parameter(fac_dims(CLASSES, HIDDEN), second);
    m->b2 = parameter(fac_dims(CLASSES), second);
    return measure(&m->scale, images) && fac_ok(m->w1) && fac_ok(m->b1) && fac_ok(m->w2) &&
           fac_ok(m->b2);
}

/* x is (N, pixels), the result (N, CLASSES) */
static fac_tensor *scores_of(const struct model *m, fac_tensor *x) {
    fac_tensor *hidden = fac_relu(fac_linear(x, m->w1, .bias = m->b1));
    return fac_linear(hidden, m->w2, .bias = m->b2);
}

static int64_t count_right(fac_tensor *scores, fac_tensor *labels) {
    return fac_item_int(fac_sum(fac_eq(fac_argmax(scores, .dim = fac_some(1)), labels)));
}

/* --- training -------------------------------------------------------------------------------- */

struct totals {
    double loss;
    int64_t right, seen;
};

/* One step on the rows that `chosen` lists. */
static bool step(const struct model *m, fac_optimizer *o, const struct data *d, fac_tensor *chosen,
                 struct totals *t) {
    fac_scope *scope = fac_scope_open();
    fac_tensor *x = pixels(&m->scale, fac_index_select(d->images, 0, chosen));
    fac_tensor *y = fac_index_select(d->labels, 0, chosen);
    fac_tensor *scores = scores_of(m, x);
    fac_tensor *loss = fac_cross_entropy_loss(scores, y);
    fac_optimizer_zero_grad(o);
    bool ok = fac_backward(loss) && fac_optimizer_step(o);
    t->loss += fac_item_float(loss) * (double)fac_size(y, 0);
    t->right += count_right(scores, y);
    t->seen += fac_size(y, 0);
    fac_scope_close(scope);
    return ok && fac_error_kind() == FAC_OK;
}

/* The learning rate rises evenly from zero and falls evenly to zero. done is from 0 to 1. */
static double rate_at(double done) {
    return RATE * fmin(done / WARM_UP, (1 - done) / (1 - WARM_UP));
}

/* Epoch e of `epochs`, from 0. */
static bool epoch(const struct model *m, fac_optimizer *o, const struct data *d, long e,
                  long epochs, struct totals *t) {
    fac_scope *scope = fac_scope_open();
    int64_t n = fac_size(d->images, 0);
    fac_tensor *order = fac_randperm(n);
    bool ok = fac_ok(order);
    *t = (struct totals){0};
    for (int64_t i = 0; i < n && ok; i += BATCH)
        ok = fac_optimizer_set_lr(o,
                                  rate_at(((double)e + (double)i / (double)n) / (double)epochs)) &&
             step(m, o, d, fac_narrow(order, 0, i, n - i < BATCH ? n - i : BATCH), t);
    fac_scope_close(scope);
    return ok;
}

/* The share of held-out images that are told right; negative on error. */
static double held_out(const struct model *m, const struct data *d) {
    bool mode = fac_set_grad_mode(false);
    int64_t n = fac_size(d->images, 0), right = 0;
    for (int64_t i = 0; i < n && fac_error_kind() == FAC_OK; i += 1000) {
        fac_scope *scope = fac_scope_open();
        int64_t k = n - i < 1000 ? n - i : 1000;
        fac_tensor *x = pixels(&m->scale, fac_narrow(d->images, 0, i, k));
        right += count_right(scores_of(m, x), fac_narrow(d->labels, 0, i, k));
        fac_scope_close(scope);
    }
    fac_set_grad_mode(mode);
    return fac_error_kind() == FAC_OK ? (double)right / (double)n : -1;
}

static bool train(const struct data *learn, const struct data *test, long epochs, double required) {
    struct model m;
    fac_manual_seed(0);
    if (!make_model(&m, learn->images))
        return failed("the model");
    fac_optimizer *o = fac_adamw(fac_list(m.w1, m.b1, m.w2, m.b2), RATE);
    if (o == NULL)
        return failed("the optimizer");
    double share = 0;
    bool ok = true;
    for (long e = 1; e <= epochs && ok; e++) {
        struct totals t;
        ok = epoch(&m, o, learn, e - 1, epochs, &t) && (share = held_out(&m, test)) >= 0;
        if (!ok)
            failed("training");
        else
            printf("epoch %2ld  loss %.4f  accuracy %6.2f%%  held out %6.2f%%\n", e,
                   t.loss / (double)t.seen, 100 * (double)t.right / (double)t.seen, 100 * share);
        fflush(stdout);
    }
    fac_optimizer_free(o);
    if (ok && 100 * share < required)
        return complain("held-out accuracy %.2f %% is below %g %%", 100 * share, required);
    return ok;
}

static bool run(const char *folder, long epochs, double required) {
    struct data learn, test;
    if (!load(&learn, folder, "train") || !load(&test, folder, "t10k"))
        return false;
    if (fac_size(learn.images, 1) != fac_size(test.images, 1))
        return complain("%s: the held-out images are of another size", folder);
    printf("Fashion-MNIST from %s: %lld images to learn from, %lld held out\n", folder,
           (long long)fac_size(learn.images, 0), (long long)fac_size(test.images, 0));
    return train(&learn, &test, epochs, required);
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    char *end = "";
    long epochs = argc > 2 ? strtol(argv[2], &end, 10) : 3;
    double required = 88;
    if (*end == '\0' && argc > 3)
        required = strtod(argv[3], &end);
    if (argc > 4 || *end != '\0' || epochs < 1) {
        complain("usage: fashion_mnist [FOLDER [EPOCHS [PERCENT]]]");
        return 2;
    }
    fac_scope *scope = fac_scope_open(); /* owns the data and the parameters */
    bool ok = run(folder, epochs, required);
    fac_scope_close(scope);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
