/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * A stand-in for nvJPEG, for tests without a GPU: what mjpeg_nvjpeg loads from
 * libnvjpeg, by libjpeg-turbo, in the device memory of the stand-in for the CUDA
 * driver. Every call is done when it returns. Planar YUV only; a picture with a
 * warning of libjpeg's is a bad one, and a batch with one writes no picture.
 *
 * What its caller does wrong (an object that is not alive, of another handle, or
 * in use by another thread, no context, a host's pointer for a device's, a state
 * for two images at once, the phases of decoding out of order, ...) gets a line
 * on standard error, is counted, and fails.
 *
 * NVJPEG_STANDIN_FAIL=N       the N-th call fails, out of memory
 * NVJPEG_STANDIN_FAIL=NAME    every call of that function does
 * NVJPEG_STANDIN_FAIL=NAME:N  its N-th call does
 * each may end in =STATUS, for another status than that
 * NVJPEG_STANDIN_LOG=FILE     append to FILE, whenever the library is unloaded:
 *                             misuses, objects left by kind, calls by name;
 *                             without, objects left are said on standard error
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#ifndef MAJOR
#define MAJOR 13
#endif

#define EXPORT __attribute__((visibility("default")))
#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN(a, n) (((a) + (n) - 1) / (n) * (n))

typedef enum Status {
    SUCCESS, NOT_INITIALIZED, INVALID_PARAMETER, BAD_JPEG, JPEG_NOT_SUPPORTED, ALLOCATOR_FAILURE, EXECUTION_FAILED,
    ARCH_MISMATCH, INTERNAL_ERROR, IMPLEMENTATION_NOT_SUPPORTED,
} Status;
enum { CSS_444, CSS_422, CSS_420, CSS_440, CSS_411, CSS_410, CSS_GRAY, CSS_410V, CSS_UNKNOWN = -1 };
enum { OUTPUT_UNCHANGED, OUTPUT_YUV, OUTPUT_Y };
enum { INPUT_YUV = 1, INPUT_NV12 = 8 };
enum { BACKEND_HARDWARE = 3, BACKEND_HARDWARE_DEVICE = 5, BACKEND_LAST = 6 };
enum { BASELINE = 0xC0, EXTENDED, PROGRESSIVE };

typedef struct Image {
    uint8_t *channel[4];
    size_t   pitch[4];
} Image;

/* of the stand-in for the driver */
extern int standin_has_context(void);
extern int standin_copy(void *device, size_t device_pitch, void *host, size_t host_pitch,
                        size_t width, size_t height, int to_device, void *stream);
extern int cuMemAlloc_v2(uintptr_t *ptr, size_t size);
extern int cuMemFree_v2(uintptr_t ptr);
extern int cuMemHostAlloc(void **ptr, size_t size, unsigned flags);
extern int cuMemFreeHost(void *ptr);

// ------------------------------------------------------------------ objects

enum Kind {
    NONE, HANDLE, ENCODER_STATE, ENCODER_PARAMS, JPEG_STATE, JPEG_STREAM, DECODER, DECODE_PARAMS,
    BUFFER_PINNED, BUFFER_DEVICE, KINDS
};
static const char *const kind_names[] = {
    "nothing", "handle", "encoder_state", "encoder_params", "jpeg_state", "jpeg_stream", "decoder", "decode_params",
    "buffer_pinned", "buffer_device",
};

/** What the caller has given for the library's memory, or nothing. */
typedef struct Allocator {
    int version, pinned;
    void *alloc, *release, *opaque;
} Allocator;

typedef struct Memory {
    const Allocator *allocator;
    uint8_t *data;
    size_t size;
} Memory;

typedef struct Info {
    int width, height, encoding, components, sampling;
    int widths[4], heights[4];
} Info;

/** A decoded picture in one block of memory. */
typedef struct Picture {
    Info info;
    size_t offset[3], stride[3];
} Picture;

typedef struct Object {
    enum Kind kind;
    struct Object *next;                ///< of all that are alive
    struct Object *owner;               ///< a handle, or the decoder of a state
    int children;
    int busy;                           ///< a call with it is under way

    int backend;                        ///< of handles and decoders
    Allocator device_allocator, pinned_allocator;
    Memory memory;                      ///< of states and buffers

    int quality, encoding, optimize, sampling;
    int format;                         ///< of the output, of parameters and states

    uint8_t *bits;                      ///< an encoded image,
    unsigned long size;
    int pending;                        ///< that nobody has fetched

    int batch, failed;                  ///< images in one; whether the last was bad
    struct Object *pinned, *device;     ///< attached buffers
    enum { IDLE, ON_HOST, TRANSFERRED } phase;
    Picture picture;                    ///< in a buffer

    const uint8_t *data;                ///< of a parsed stream, the caller's or a copy
    uint8_t *copy;
    size_t length;
    Info info;
} Object;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Object *alive;
static long misuses, total;
static struct { const char *name; long n; } calls[64];

__attribute__((format(printf, 2, 3)))
static Status misuse(const char *function, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "stand-in for nvJPEG: %s: ", function);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    __atomic_add_fetch(&misuses, 1, __ATOMIC_RELAXED);

    return INVALID_PARAMETER;
}

/** Count a call; the status to fail with, if it is to. The mutex is held. */
static Status count(const char *name)
{
    const char *fail = getenv("NVJPEG_STANDIN_FAIL");
    char which[3][80];
    int i = 0;

    while (calls[i].name && strcmp(calls[i].name, name))
        i++;
    calls[i].name = name;
    calls[i].n++;
    total++;
    snprintf(which[0], sizeof(which[0]), "%ld", total);
    snprintf(which[1], sizeof(which[1]), "%s", name);
    snprintf(which[2], sizeof(which[2]), "%s:%ld", name, calls[i].n);
    for (i = 0; fail && i < COUNT(which); i++) {
        const size_t length = strlen(which[i]);

        if (!strncmp(fail, which[i], length) && (!fail[length] || fail[length] == '='))
            return fail[length] ? atoi(fail + length + 1) : ALLOCATOR_FAILURE;
    }

    return SUCCESS;
}

static Object *handle_of(Object *object)
{
    while (object->owner)
        object = object->owner;
    return object;
}

static int is_alive(const Object *object, enum Kind kind)
{
    for (const Object *o = alive; o; o = o->next)
        if (o == object)
            return o->kind == kind;
    return 0;
}

/** What a call works with, the handle first. */
typedef struct Use {
    Object *object;
    enum Kind kind;
} Use;

static int exclusive(enum Kind kind)
{
    return kind == ENCODER_STATE || kind == JPEG_STATE || kind == JPEG_STREAM;
}

static Status begin(const char *name, int needs_context, const Use *uses, int n)
{
    Status status;

    pthread_mutex_lock(&mutex);
    status = count(name);
    if (!status && needs_context && !standin_has_context())
        status = misuse(name, "no context is current");
    for (int i = 0; !status && i < n; i++) {
        if (!is_alive(uses[i].object, uses[i].kind))
            status = misuse(name, "%p is no living %s", (void *)uses[i].object, kind_names[uses[i].kind]);
        else if (handle_of(uses[i].object) != handle_of(uses[0].object))
            status = misuse(name, "a %s of another handle", kind_names[uses[i].kind]);
        else if (uses[i].object->busy)
            status = misuse(name, "a %s that another thread is using", kind_names[uses[i].kind]);
    }
    for (int i = 0; !status && i < n; i++)
        uses[i].object->busy = exclusive(uses[i].kind);
    pthread_mutex_unlock(&mutex);

    return status;
}

static Status end(const Use *uses, int n, Status status)
{
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < n; i++)
        uses[i].object->busy = 0;
    pthread_mutex_unlock(&mutex);

    return status;
}

/** The body of a function: its objects, then what it does. */
#define CALL(context, result, ...) do {                             \
    const Use uses[] = { __VA_ARGS__ };                             \
    Status status = begin(__func__, context, uses, COUNT(uses));    \
    return status ? status : end(uses, COUNT(uses), result);        \
} while (0)

static Status create(const char *name, int needs_context, Object *owner, enum Kind owner_kind,
                     enum Kind kind, Object **out)
{
    Use use = { owner, owner_kind };
    Status status = begin(name, needs_context, &use, owner_kind != NONE);
    Object *object;

    *out = NULL;
    if (status)
        return status;
    object = calloc(1, sizeof(*object));
    if (!object)
        return ALLOCATOR_FAILURE;
    object->kind  = kind;
    object->owner = owner;
    pthread_mutex_lock(&mutex);
    object->next = alive;
    alive = object;
    if (owner)
        owner->children++;
    pthread_mutex_unlock(&mutex);
    *out = object;

    return SUCCESS;
}

static void release(Memory *memory, void *stream);

/** It is gone even if the call is to fail. */
static Status destroy(const char *name, Object *object, enum Kind kind)
{
    Object **link = &alive;
    Status status;

    pthread_mutex_lock(&mutex);
    status = count(name);
    if (!is_alive(object, kind))
        status = misuse(name, "%p is no living %s", (void *)object, kind_names[kind]);
    else if (object->busy)
        status = misuse(name, "another thread is using it");
    else if (object->children)
        status = misuse(name, "%d objects made with it are alive", object->children);
    else if (object->memory.data && !standin_has_context())
        status = misuse(name, "no context is current, and it has memory");
    else {
        for (Object *o = alive; o; o = o->next) {
            if (o->phase != IDLE && (o->pinned == object || o->device == object))
                status = misuse(name, "a state decodes with it");
            if (o->pinned == object)
                o->pinned = NULL;
            if (o->device == object)
                o->device = NULL;
        }
        while (*link != object)
            link = &(*link)->next;
        *link = object->next;
        if (object->owner)
            object->owner->children--;
        release(&object->memory, NULL);
        free(object->bits);
        free(object->copy);
        free(object);
    }
    pthread_mutex_unlock(&mutex);

    return status;
}

__attribute__((destructor))
static void report(void)
{
    const char *path = getenv("NVJPEG_STANDIN_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    long left[KINDS] = { 0 };

    for (Object *o = alive; o; o = o->next)
        left[o->kind]++;
    if (file)
        fprintf(file, "misuses %ld\n", misuses);
    for (int i = HANDLE; i < KINDS; i++)
        if (file)
            fprintf(file, "%s_left %ld\n", kind_names[i], left[i]);
        else if (left[i])
            fprintf(stderr, "stand-in for nvJPEG: %s_left %ld\n", kind_names[i], left[i]);
    for (int i = 0; file && calls[i].name; i++)
        fprintf(file, "%s %ld\n", calls[i].name, calls[i].n);
    if (file)
        fclose(file);
}

// ------------------------------------------------------------------- memory

/** Such as CUDA's, the caller's first or second interface, or our own driver. */
static int allocate(const Allocator *a, void **ptr, size_t size, void *stream)
{
    if (a->version == 2)
        return ((int (*)(void *, void **, size_t, void *))a->alloc)(a->opaque, ptr, size, stream);
    if (a->version == 1)
        return a->pinned ? ((int (*)(void **, size_t, unsigned))a->alloc)(ptr, size, 0)
                         : ((int (*)(void **, size_t))a->alloc)(ptr, size);
    return a->pinned ? cuMemHostAlloc(ptr, size, 0) : cuMemAlloc_v2((uintptr_t *)ptr, size);
}

static void release(Memory *memory, void *stream)
{
    const Allocator *a = memory->allocator;

    if (!memory->data)
        return;
    if (a->version == 2)
        ((int (*)(void *, void *, size_t, void *))a->release)(a->opaque, memory->data, memory->size, stream);
    else if (a->version == 1)
        ((int (*)(void *))a->release)(memory->data);
    else if (a->pinned)
        cuMemFreeHost(memory->data);
    else
        cuMemFree_v2((uintptr_t)memory->data);
    memory->data = NULL;
    memory->size = 0;
}

static Status reserve(Memory *memory, const Allocator *allocator, size_t size, void *stream)
{
    void *data;

    if (size <= memory->size)
        return SUCCESS;
    release(memory, stream);
    if (allocate(allocator, &data, size, stream) || !data)
        return ALLOCATOR_FAILURE;
    *memory = (Memory){ allocator, data, size };

    return SUCCESS;
}

/** In the caller's structures, two functions and perhaps what they are to be called with. */
static Allocator allocator(int version, int pinned, void *const *given)
{
    return given ? (Allocator){ version, pinned, given[0], given[1], version == 2 ? given[2] : NULL }
                 : (Allocator){ .pinned = pinned };
}

/** Rows from the device or to it, of an image whose pitch is checked. */
static Status move(const char *name, const Image *image, int i, uint8_t *host, size_t stride,
                   int width, int height, int to_device, void *stream)
{
    if (!image->channel[i])
        return misuse(name, "no channel %d", i);
    if (image->pitch[i] < width)
        return misuse(name, "channel %d has a pitch of %zu for a width of %d", i, image->pitch[i], width);
    if (standin_copy(image->channel[i], image->pitch[i], host, stride, width, height, to_device, stream)) {
        misuse(name, "channel %d, %dx%d of pitch %zu at %p, is not in device memory, or the stream is none",
               i, width, height, image->pitch[i], (void *)image->channel[i]);
        return EXECUTION_FAILED;
    }

    return SUCCESS;
}

// -------------------------------------------------------------------- JPEG

typedef struct Errors {
    struct jpeg_error_mgr mgr;
    jmp_buf env;
} Errors;

static void error_exit(j_common_ptr cinfo)
{
    longjmp(((Errors *)cinfo->err)->env, 1);
}

static void emit_message(j_common_ptr cinfo, int level)
{
    cinfo->err->num_warnings += level < 0;
}

static void catch_errors(j_common_ptr cinfo, Errors *errors)
{
    cinfo->err = jpeg_std_error(&errors->mgr);
    errors->mgr.error_exit   = error_exit;
    errors->mgr.emit_message = emit_message;
}

static Status status_of(const Errors *errors)
{
    switch (errors->mgr.msg_code) {
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
        return JPEG_NOT_SUPPORTED;
    case JERR_OUT_OF_MEMORY:
        return ALLOCATOR_FAILURE;
    default:
        return BAD_JPEG;
    }
}

static int sampling_of(const struct jpeg_decompress_struct *cinfo)
{
    static const struct { int h, v; } ratios[] = {
        [CSS_444] = { 1, 1 }, [CSS_422] = { 2, 1 }, [CSS_420] = { 2, 2 }, [CSS_440]  = { 1, 2 },
        [CSS_411] = { 4, 1 }, [CSS_410] = { 4, 2 }, [CSS_GRAY] = { 0, 0 }, [CSS_410V] = { 2, 4 },
    };
    const jpeg_component_info *c = cinfo->comp_info;

    if (cinfo->num_components == 1)
        return CSS_GRAY;
    if (cinfo->num_components != 3 || c[1].h_samp_factor != c[2].h_samp_factor || c[1].v_samp_factor != c[2].v_samp_factor)
        return CSS_UNKNOWN;
    for (int i = 0; i < COUNT(ratios); i++)
        if (c[0].h_samp_factor == ratios[i].h * c[1].h_samp_factor && c[0].v_samp_factor == ratios[i].v * c[1].v_samp_factor)
            return i;
    return CSS_UNKNOWN;
}

/** The marker of the frame header, of data that has one. */
static int frame_marker(const uint8_t *data, size_t length)
{
    for (size_t i = 2; i + 3 < length; i += 2 + (data[i + 2] << 8 | data[i + 3])) {
        while (i + 3 < length && (data[i] != 0xFF || data[i + 1] == 0xFF))
            i++;
        if (i + 3 < length && data[i + 1] >= BASELINE && data[i + 1] <= PROGRESSIVE)
            return data[i + 1];
    }
    return 0;
}

static void describe(const struct jpeg_decompress_struct *cinfo, int encoding, Info *info)
{
    *info = (Info){
        .width      = cinfo->image_width,
        .height     = cinfo->image_height,
        .components = cinfo->num_components,
        .sampling   = sampling_of(cinfo),
        .encoding   = encoding,
    };
    for (int i = 0; i < MIN(info->components, 4); i++) {
        info->widths[i]  = cinfo->comp_info[i].downsampled_width;
        info->heights[i] = cinfo->comp_info[i].downsampled_height;
    }
}

/** Read the header; an error of libjpeg's goes to where the caller has set it to go. */
static Status read_header(struct jpeg_decompress_struct *cinfo, const uint8_t *data, size_t length, Info *info)
{
    jpeg_create_decompress(cinfo);
    jpeg_mem_src(cinfo, data, length);
    jpeg_read_header(cinfo, TRUE);
    describe(cinfo, frame_marker(data, length), info);

    return cinfo->arith_code ? JPEG_NOT_SUPPORTED : SUCCESS;
}

static Status parse(const uint8_t *data, size_t length, Info *info)
{
    struct jpeg_decompress_struct cinfo;
    Errors errors;
    Status status;

    if (!data)
        return INVALID_PARAMETER;
    catch_errors((j_common_ptr)&cinfo, &errors);
    if (setjmp(errors.env)) {
        jpeg_destroy_decompress(&cinfo);
        return status_of(&errors);
    }
    status = read_header(&cinfo, data, length, info);
    jpeg_destroy_decompress(&cinfo);

    return status;
}

static int in_hardware(int backend)
{
    return backend == BACKEND_HARDWARE || backend == BACKEND_HARDWARE_DEVICE;
}

static int decodable(const Info *info, int backend)
{
    return info->sampling != CSS_UNKNOWN &&
           !(in_hardware(backend) && (info->encoding == PROGRESSIVE || info->sampling == CSS_411 ||
                                      info->sampling == CSS_410 || info->sampling == CSS_410V));
}

/** The planes, whole blocks of them, in memory that was reserved. */
static Status decode(const uint8_t *data, size_t length, int backend, Picture *picture,
                     Memory *memory, const Allocator *allocator)
{
    struct jpeg_decompress_struct cinfo;
    Errors errors;
    Status status;
    JSAMPROW   rows[3][4 * DCTSIZE];
    JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };
    size_t size = 0;

    if (!data)
        return INVALID_PARAMETER;
    catch_errors((j_common_ptr)&cinfo, &errors);
    if (setjmp(errors.env)) {
        jpeg_destroy_decompress(&cinfo);
        return status_of(&errors);
    }
    status = read_header(&cinfo, data, length, &picture->info);
    if (!status && !decodable(&picture->info, backend))
        status = JPEG_NOT_SUPPORTED;
    if (status) {
        jpeg_destroy_decompress(&cinfo);
        return status;
    }
    cinfo.raw_data_out    = TRUE;
    cinfo.out_color_space = cinfo.jpeg_color_space;
    jpeg_start_decompress(&cinfo);
    for (int i = 0; i < cinfo.num_components; i++) {
        const jpeg_component_info *comp = &cinfo.comp_info[i];

        picture->offset[i] = size;
        picture->stride[i] = ALIGN(comp->width_in_blocks, comp->h_samp_factor) * DCTSIZE;
        size += picture->stride[i] * cinfo.total_iMCU_rows * comp->v_samp_factor * DCTSIZE;
    }
    status = reserve(memory, allocator, size, NULL);
    for (int row = 0; !status && cinfo.output_scanline < cinfo.output_height; row++) {
        for (int i = 0; i < cinfo.num_components; i++) {
            const int lines = cinfo.comp_info[i].v_samp_factor * DCTSIZE;

            for (int y = 0; y < lines; y++)
                rows[i][y] = memory->data + picture->offset[i] + ((size_t)row * lines + y) * picture->stride[i];
        }
        jpeg_read_raw_data(&cinfo, planes, cinfo.max_v_samp_factor * DCTSIZE);
    }
    if (!status)
        jpeg_finish_decompress(&cinfo);
    if (!status && errors.mgr.num_warnings)
        status = BAD_JPEG;
    jpeg_destroy_decompress(&cinfo);

    return status;
}

static Status store(const char *name, const Picture *picture, const Memory *memory, int format,
                    const Image *destination, void *stream)
{
    const Info *info = &picture->info;
    Status status = SUCCESS;

    for (int i = 0; !status && i < (format == OUTPUT_Y ? 1 : info->components); i++)
        status = move(name, destination, i, memory->data + picture->offset[i], picture->stride[i],
                      info->widths[i], info->heights[i], 1, stream);

    return status;
}

static int valid_format(int format) { return format >= OUTPUT_UNCHANGED && format <= OUTPUT_Y; }

static Status encode(const char *name, Object *state, const Object *params, const Image *source, int sampling,
                     int nv12, int width, int height, void *stream)
{
    static const struct { int h, v; } factors[] = {
        [CSS_444] = { 1, 1 }, [CSS_422] = { 2, 1 }, [CSS_420] = { 2, 2 }, [CSS_440] = { 1, 2 }, [CSS_GRAY] = { 1, 1 },
    };
    const int components = sampling == CSS_GRAY ? 1 : 3;
    struct jpeg_compress_struct cinfo;
    Errors errors;
    Status status = SUCCESS;
    uint8_t *samples = NULL, *plane[3];
    size_t stride[3], size = 0;

    if (!source || width < 1 || height < 1 || width > 65500 || height > 65500)
        return misuse(name, "no source, or of %dx%d", width, height);
    if (sampling < 0 || sampling >= COUNT(factors) || !factors[sampling].h || (nv12 && sampling != CSS_420))
        return IMPLEMENTATION_NOT_SUPPORTED;
    if (sampling != params->sampling)   // it would resample, and no one here wants that
        return misuse(name, "subsampling %d is to be encoded as %d", sampling, params->sampling);
    if (state->pending)
        return misuse(name, "the image before has not been retrieved");

    status = reserve(&state->memory, &handle_of(state)->device_allocator, (size_t)width * height * components, stream);
    if (status)
        return status;

    catch_errors((j_common_ptr)&cinfo, &errors);
    memset(plane, 0, sizeof(plane));
    for (int i = 0; i < components; i++) {
        const int h = i ? 1 : factors[sampling].h, v = i ? 1 : factors[sampling].v;

        stride[i] = (size_t)ALIGN(width, factors[sampling].h * DCTSIZE) / factors[sampling].h * h;
        size += stride[i] * (ALIGN(height, factors[sampling].v * DCTSIZE) / factors[sampling].v * v);
    }
    samples = malloc(size + width + 1);
    free(state->bits);
    state->size = size + 65536;
    state->bits = malloc(state->size);
    if (!samples || !state->bits) {
        free(samples);
        return ALLOCATOR_FAILURE;
    }
    plane[0] = samples;
    for (int i = 0; !status && i < components; i++) {
        const int h = i ? factors[sampling].h : 1, v = i ? factors[sampling].v : 1;
        const int w = (width + h - 1) / h, rows = (height + v - 1) / v;
        const int all = ALIGN(height, factors[sampling].v * DCTSIZE) / v;

        if (nv12 && i) {
            uint8_t *pair = samples + size;     // a row

            for (int y = 0; !status && y < rows; y++) {
                Image row = *source;

                row.channel[1] += y * source->pitch[1];
                status = move(name, &row, 1, pair, 2 * w, 2 * w, 1, 0, stream);
                for (int x = 0; x < w; x++)
                    plane[i][y * stride[i] + x] = pair[2 * x + i - 1];
            }
        } else {
            status = move(name, source, i, plane[i], stride[i], w, rows, 0, stream);
        }
        for (int y = 0; y < rows; y++)
            memset(plane[i] + y * stride[i] + w, plane[i][y * stride[i] + w - 1], stride[i] - w);
        for (int y = rows; y < all; y++)
            memcpy(plane[i] + y * stride[i], plane[i] + (rows - 1) * stride[i], stride[i]);
        if (i + 1 < components)
            plane[i + 1] = plane[i] + all * stride[i];
    }
    if (status) {
        free(samples);
        return status;
    }

    if (setjmp(errors.env)) {
        jpeg_destroy_compress(&cinfo);
        free(samples);
        return status_of(&errors) == ALLOCATOR_FAILURE ? ALLOCATOR_FAILURE : EXECUTION_FAILED;
    }
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &state->bits, &state->size);
    cinfo.image_width      = width;
    cinfo.image_height     = height;
    cinfo.input_components = components;
    cinfo.in_color_space   = components == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, params->quality, TRUE);
    cinfo.raw_data_in     = TRUE;
    cinfo.optimize_coding = params->optimize;
    cinfo.comp_info[0].h_samp_factor = factors[sampling].h;
    cinfo.comp_info[0].v_samp_factor = factors[sampling].v;
    if (params->encoding == PROGRESSIVE)
        jpeg_simple_progression(&cinfo);
    jpeg_start_compress(&cinfo, TRUE);
    for (int row = 0; cinfo.next_scanline < cinfo.image_height; row++) {
        JSAMPROW   rows[3][2 * DCTSIZE];
        JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };

        for (int i = 0; i < components; i++) {
            const int lines = cinfo.comp_info[i].v_samp_factor * DCTSIZE;

            for (int y = 0; y < lines; y++)
                rows[i][y] = plane[i] + ((size_t)row * lines + y) * stride[i];
        }
        jpeg_write_raw_data(&cinfo, planes, cinfo.max_v_samp_factor * DCTSIZE);
    }
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    free(samples);
    state->pending = 1;

    return SUCCESS;
}

// ------------------------------------------------------------------ library

EXPORT Status nvjpegGetProperty(int type, int *value)
{
    static const int version[] = { MAJOR, 0, 0 };

    if (type < 0 || type >= COUNT(version) || !value)
        return INVALID_PARAMETER;
    *value = version[type];

    return SUCCESS;
}

static Status create_handle(const char *name, int backend, int version, void *const *device, void *const *pinned, Object **out)
{
    Status status = create(name, 1, NULL, NONE, HANDLE, out);

    if (status)
        return status;
    (*out)->backend          = backend;
    (*out)->device_allocator = allocator(version, 0, device);
    (*out)->pinned_allocator = allocator(version, 1, pinned);
    if (backend < 0 || backend > BACKEND_LAST) {
        destroy(name, *out, HANDLE);
        *out = NULL;
        return misuse(name, "no backend %d", backend);
    }

    return SUCCESS;
}

EXPORT Status nvjpegCreateEx(int backend, void *const *device, void *const *pinned, unsigned flags, Object **handle)
{
    return create_handle(__func__, backend, 1, device, pinned, handle);
}

EXPORT Status nvjpegCreateExV2(int backend, void *const *device, void *const *pinned, unsigned flags, Object **handle)
{
    return create_handle(__func__, backend, 2, device, pinned, handle);
}

EXPORT Status nvjpegCreateSimple(Object **handle)
{
    return create_handle(__func__, 0, 0, NULL, NULL, handle);
}

EXPORT Status nvjpegDestroy(Object *handle) { return destroy(__func__, handle, HANDLE); }

// ------------------------------------------------------------------ encoder

EXPORT Status nvjpegEncoderStateCreate(Object *handle, Object **state, void *stream)
{
    return create(__func__, 1, handle, HANDLE, ENCODER_STATE, state);
}

EXPORT Status nvjpegEncoderStateDestroy(Object *state) { return destroy(__func__, state, ENCODER_STATE); }

EXPORT Status nvjpegEncoderParamsCreate(Object *handle, Object **params, void *stream)
{
    Status status = create(__func__, 1, handle, HANDLE, ENCODER_PARAMS, params);

    if (!status) {
        (*params)->quality  = 70;
        (*params)->encoding = BASELINE;
        (*params)->sampling = CSS_444;
    }

    return status;
}

EXPORT Status nvjpegEncoderParamsDestroy(Object *params) { return destroy(__func__, params, ENCODER_PARAMS); }

static Status set(const char *name, int *member, int value, int valid)
{
    if (!valid)
        return misuse(name, "%d", value);
    *member = value;

    return SUCCESS;
}

EXPORT Status nvjpegEncoderParamsSetQuality(Object *params, int quality, void *stream)
{
    CALL(0, set(__func__, &params->quality, quality, quality > 0 && quality <= 100), { params, ENCODER_PARAMS });
}

EXPORT Status nvjpegEncoderParamsSetEncoding(Object *params, int encoding, void *stream)
{
    CALL(0, set(__func__, &params->encoding, encoding, encoding == BASELINE || encoding == PROGRESSIVE),
         { params, ENCODER_PARAMS });
}

EXPORT Status nvjpegEncoderParamsSetOptimizedHuffman(Object *params, int optimized, void *stream)
{
    CALL(0, set(__func__, &params->optimize, optimized, optimized == 0 || optimized == 1), { params, ENCODER_PARAMS });
}

EXPORT Status nvjpegEncoderParamsSetSamplingFactors(Object *params, int sampling, void *stream)
{
    CALL(0, set(__func__, &params->sampling, sampling, sampling >= CSS_444 && sampling <= CSS_GRAY),
         { params, ENCODER_PARAMS });
}

EXPORT Status nvjpegEncodeYUV(Object *handle, Object *state, Object *params, const Image *source, int sampling,
                              int width, int height, void *stream)
{
    CALL(1, encode(__func__, state, params, source, sampling, 0, width, height, stream),
         { handle, HANDLE }, { state, ENCODER_STATE }, { params, ENCODER_PARAMS });
}

#if MAJOR >= 13
EXPORT Status nvjpegEncode(Object *handle, Object *state, Object *params, const Image *source, int sampling, int format,
                           int width, int height, void *stream)
{
    CALL(1, format != INPUT_YUV && format != INPUT_NV12 ? IMPLEMENTATION_NOT_SUPPORTED
            : encode(__func__, state, params, source, sampling, format == INPUT_NV12, width, height, stream),
         { handle, HANDLE }, { state, ENCODER_STATE }, { params, ENCODER_PARAMS });
}
#endif

static Status retrieve(const char *name, Object *state, uint8_t *data, size_t *length)
{
    if (!state->pending)
        return misuse(name, "there is no image, or it has been retrieved");
    if (!length || (data && *length < state->size))
        return misuse(name, "%zu bytes for %lu", length ? *length : 0, state->size);
    *length = state->size;
    if (data) {
        memcpy(data, state->bits, state->size);
        state->pending = 0;
    }

    return SUCCESS;
}

EXPORT Status nvjpegEncodeRetrieveBitstream(Object *handle, Object *state, uint8_t *data, size_t *length, void *stream)
{
    CALL(1, retrieve(__func__, state, data, length), { handle, HANDLE }, { state, ENCODER_STATE });
}

// ------------------------------------------------------------------ streams

EXPORT Status nvjpegJpegStreamCreate(Object *handle, Object **stream)
{
    return create(__func__, 0, handle, HANDLE, JPEG_STREAM, stream);
}

EXPORT Status nvjpegJpegStreamDestroy(Object *stream) { return destroy(__func__, stream, JPEG_STREAM); }

static Status parse_stream(Object *stream, const uint8_t *data, size_t length, int save, int whole)
{
    Status status = parse(data, length, &stream->info);

    free(stream->copy);
    stream->copy = NULL;
    stream->data = NULL;
    if (status || !whole)
        return status;
    stream->data   = data;
    stream->length = length;
    if (save) {
        stream->data = stream->copy = malloc(length);
        if (!stream->copy)
            return ALLOCATOR_FAILURE;
        memcpy(stream->copy, data, length);
    }

    return SUCCESS;
}

EXPORT Status nvjpegJpegStreamParse(Object *handle, const uint8_t *data, size_t length, int save_metadata,
                                    int save_stream, Object *stream)
{
    CALL(0, parse_stream(stream, data, length, save_stream, 1), { handle, HANDLE }, { stream, JPEG_STREAM });
}

EXPORT Status nvjpegJpegStreamParseHeader(Object *handle, const uint8_t *data, size_t length, Object *stream)
{
    CALL(0, parse_stream(stream, data, length, 0, 0), { handle, HANDLE }, { stream, JPEG_STREAM });
}

static Status get(const char *name, const Object *stream, int *a, int x, int *b, int y)
{
    if (!stream->info.width)
        return misuse(name, "nothing has been parsed");
    *a = x;
    if (b)
        *b = y;

    return SUCCESS;
}

EXPORT Status nvjpegJpegStreamGetFrameDimensions(Object *stream, int *width, int *height)
{
    CALL(0, get(__func__, stream, width, stream->info.width, height, stream->info.height), { stream, JPEG_STREAM });
}

EXPORT Status nvjpegJpegStreamGetComponentsNum(Object *stream, int *components)
{
    CALL(0, get(__func__, stream, components, stream->info.components, NULL, 0), { stream, JPEG_STREAM });
}

EXPORT Status nvjpegJpegStreamGetComponentDimensions(Object *stream, unsigned i, int *width, int *height)
{
    CALL(0, i > 3 ? INVALID_PARAMETER
                  : get(__func__, stream, width, stream->info.widths[i], height, stream->info.heights[i]),
         { stream, JPEG_STREAM });
}

EXPORT Status nvjpegJpegStreamGetChromaSubsampling(Object *stream, int *sampling)
{
    CALL(0, get(__func__, stream, sampling, stream->info.sampling, NULL, 0), { stream, JPEG_STREAM });
}

EXPORT Status nvjpegJpegStreamGetJpegEncoding(Object *stream, int *encoding)
{
    CALL(0, get(__func__, stream, encoding, stream->info.encoding, NULL, 0), { stream, JPEG_STREAM });
}

EXPORT Status nvjpegJpegStreamGetSamplePrecision(Object *stream, int *precision)
{
    CALL(0, get(__func__, stream, precision, 8, NULL, 0), { stream, JPEG_STREAM });
}

static Status image_info(const uint8_t *data, size_t length, int *components, int *sampling, int *widths, int *heights)
{
    Info info;
    Status status = parse(data, length, &info);

    if (status)
        return status;
    *components = info.components;
    *sampling   = info.sampling;
    memcpy(widths,  info.widths,  sizeof(info.widths));
    memcpy(heights, info.heights, sizeof(info.heights));

    return SUCCESS;
}

EXPORT Status nvjpegGetImageInfo(Object *handle, const uint8_t *data, size_t length, int *components, int *sampling,
                                 int *widths, int *heights)
{
    CALL(0, image_info(data, length, components, sampling, widths, heights), { handle, HANDLE });
}

// ------------------------------------------------------------------ decoder

EXPORT Status nvjpegJpegStateCreate(Object *handle, Object **state)
{
    return create(__func__, 1, handle, HANDLE, JPEG_STATE, state);
}

EXPORT Status nvjpegJpegStateDestroy(Object *state) { return destroy(__func__, state, JPEG_STATE); }

static Status decode_batch(const char *name, Object *state, int n, const uint8_t *const *data, const size_t *lengths,
                           int format, const Image *destinations, void *stream)
{
    Object *handle = handle_of(state);
    Status status = reserve(&state->memory, &handle->device_allocator, 1 << 16, stream);

    // a picture that is bad is known before one is written
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; !status && i < n; i++) {
            Memory memory = { 0 };
            Picture picture;

            status = decode(data[i], lengths[i], handle->backend, &picture, &memory, &handle->pinned_allocator);
            if (!status && pass)
                status = store(name, &picture, &memory, format, &destinations[i], stream);
            release(&memory, stream);
        }
    }

    return status;
}

EXPORT Status nvjpegDecode(Object *handle, Object *state, const uint8_t *data, size_t length, int format,
                           const Image *destination, void *stream)
{
    CALL(1, valid_format(format) ? decode_batch(__func__, state, 1, &data, &length, format, destination, stream)
                                 : IMPLEMENTATION_NOT_SUPPORTED,
         { handle, HANDLE }, { state, JPEG_STATE });
}

static Status initialize(const char *name, Object *state, int batch, int threads, int format)
{
    if (batch < 1 || threads < 1)
        return misuse(name, "%d images by %d threads", batch, threads);
    if (!valid_format(format))
        return IMPLEMENTATION_NOT_SUPPORTED;
    state->batch  = batch;
    state->format = format;
    state->failed = 0;

    return SUCCESS;
}

EXPORT Status nvjpegDecodeBatchedInitialize(Object *handle, Object *state, int batch, int threads, int format)
{
    CALL(1, initialize(__func__, state, batch, threads, format), { handle, HANDLE }, { state, JPEG_STATE });
}

static Status decode_initialized(const char *name, Object *state, const uint8_t *const *data, const size_t *lengths,
                                 const Image *destinations, void *stream)
{
    Status status;

    if (!state->batch)
        return misuse(name, "no nvjpegDecodeBatchedInitialize() before");
    if (state->failed)
        return misuse(name, "no nvjpegDecodeBatchedInitialize() after a batch that failed");
    status = decode_batch(name, state, state->batch, data, lengths, state->format, destinations, stream);
    state->failed = status != SUCCESS;

    return status;
}

EXPORT Status nvjpegDecodeBatched(Object *handle, Object *state, const uint8_t *const *data, const size_t *lengths,
                                  const Image *destinations, void *stream)
{
    CALL(1, decode_initialized(__func__, state, data, lengths, destinations, stream),
         { handle, HANDLE }, { state, JPEG_STATE });
}

EXPORT Status nvjpegDecodeBatchedEx(Object *handle, Object *state, const uint8_t *const *data, const size_t *lengths,
                                    const Image *destinations, Object *const *params, void *stream)
{
    CALL(1, decode_initialized(__func__, state, data, lengths, destinations, stream),
         { handle, HANDLE }, { state, JPEG_STATE });
}

static Status supported(const char *name, const Object *stream, int backend, int *is_supported)
{
    if (!stream->info.width)
        return misuse(name, "nothing has been parsed");
    *is_supported = !decodable(&stream->info, backend);     // sic: 0 is yes

    return SUCCESS;
}

EXPORT Status nvjpegDecodeBatchedSupported(Object *handle, Object *stream, int *is_supported)
{
    CALL(0, supported(__func__, stream, handle->backend, is_supported), { handle, HANDLE }, { stream, JPEG_STREAM });
}

EXPORT Status nvjpegDecodeBatchedSupportedEx(Object *handle, Object *stream, Object *params, int *is_supported)
{
    CALL(0, supported(__func__, stream, handle->backend, is_supported),
         { handle, HANDLE }, { stream, JPEG_STREAM }, { params, DECODE_PARAMS });
}

// --------------------------------------------------- decoder, phase by phase

EXPORT Status nvjpegDecoderCreate(Object *handle, int backend, Object **decoder)
{
    Status status = create(__func__, 1, handle, HANDLE, DECODER, decoder);

    if (!status)
        (*decoder)->backend = backend;

    return status;
}

EXPORT Status nvjpegDecoderDestroy(Object *decoder) { return destroy(__func__, decoder, DECODER); }

EXPORT Status nvjpegDecoderJpegSupported(Object *decoder, Object *stream, Object *params, int *is_supported)
{
    CALL(0, supported(__func__, stream, decoder->backend, is_supported),
         { decoder, DECODER }, { stream, JPEG_STREAM }, { params, DECODE_PARAMS });
}

EXPORT Status nvjpegDecoderStateCreate(Object *handle, Object *decoder, Object **state)
{
    return create(__func__, 1, decoder, DECODER, JPEG_STATE, state);
}

EXPORT Status nvjpegDecodeParamsCreate(Object *handle, Object **params)
{
    return create(__func__, 0, handle, HANDLE, DECODE_PARAMS, params);
}

EXPORT Status nvjpegDecodeParamsDestroy(Object *params) { return destroy(__func__, params, DECODE_PARAMS); }

EXPORT Status nvjpegDecodeParamsSetOutputFormat(Object *params, int format)
{
    CALL(0, valid_format(format) ? set(__func__, &params->format, format, 1) : IMPLEMENTATION_NOT_SUPPORTED,
         { params, DECODE_PARAMS });
}

static Status create_buffer(const char *name, Object *handle, enum Kind kind, void *const *given, Object **buffer)
{
    Status status = create(name, 1, handle, HANDLE, kind, buffer);

    if (status)
        return status;
    if (kind == BUFFER_PINNED)
        (*buffer)->pinned_allocator = given ? allocator(1, 1, given) : handle->pinned_allocator;
    else
        (*buffer)->device_allocator = given ? allocator(1, 0, given) : handle->device_allocator;

    return SUCCESS;
}

EXPORT Status nvjpegBufferPinnedCreate(Object *handle, void *const *given, Object **buffer)
{
    return create_buffer(__func__, handle, BUFFER_PINNED, given, buffer);
}

EXPORT Status nvjpegBufferDeviceCreate(Object *handle, void *const *given, Object **buffer)
{
    return create_buffer(__func__, handle, BUFFER_DEVICE, given, buffer);
}

EXPORT Status nvjpegBufferPinnedDestroy(Object *buffer) { return destroy(__func__, buffer, BUFFER_PINNED); }
EXPORT Status nvjpegBufferDeviceDestroy(Object *buffer) { return destroy(__func__, buffer, BUFFER_DEVICE); }

static Status attach(const char *name, const Object *state, Object **member, Object *buffer)
{
    if (state->phase != IDLE)
        return misuse(name, "the state is at an image");
    *member = buffer;

    return SUCCESS;
}

EXPORT Status nvjpegStateAttachPinnedBuffer(Object *state, Object *buffer)
{
    CALL(0, attach(__func__, state, &state->pinned, buffer), { state, JPEG_STATE }, { buffer, BUFFER_PINNED });
}

EXPORT Status nvjpegStateAttachDeviceBuffer(Object *state, Object *buffer)
{
    CALL(0, attach(__func__, state, &state->device, buffer), { state, JPEG_STATE }, { buffer, BUFFER_DEVICE });
}

static Status decode_on_host(const char *name, const Object *decoder, Object *state, const Object *params,
                             const Object *stream)
{
    Object *buffer = state->pinned;
    Status status;

    if (state->owner != decoder)
        return misuse(name, "the state is not the decoder's");
    if (!stream->data)
        return misuse(name, "nothing has been parsed");
    if (!buffer)
        return misuse(name, "the state has no pinned buffer");
    if (state->phase != IDLE)
        return misuse(name, "the image before has not been decoded");
    status = decode(stream->data, stream->length, decoder->backend, &buffer->picture,
                    &buffer->memory, &buffer->pinned_allocator);
    if (status)
        return status;
    state->format = params->format;
    state->phase  = ON_HOST;

    return SUCCESS;
}

EXPORT Status nvjpegDecodeJpegHost(Object *handle, Object *decoder, Object *state, Object *params, Object *stream)
{
    CALL(1, decode_on_host(__func__, decoder, state, params, stream), { handle, HANDLE }, { decoder, DECODER },
         { state, JPEG_STATE }, { params, DECODE_PARAMS }, { stream, JPEG_STREAM });
}

static Status transfer(const char *name, Object *state, const Object *stream, void *cuda_stream)
{
    Status status;

    if (state->phase != ON_HOST)
        return misuse(name, "no nvjpegDecodeJpegHost() before");
    if (!stream->data || stream->info.width != state->pinned->picture.info.width)
        return misuse(name, "the stream is another one's");
    if (!state->device)
        return misuse(name, "the state has no device buffer");
    status = reserve(&state->device->memory, &state->device->device_allocator, state->pinned->memory.size, cuda_stream);
    state->phase = status ? IDLE : TRANSFERRED;

    return status;
}

EXPORT Status nvjpegDecodeJpegTransferToDevice(Object *handle, Object *decoder, Object *state, Object *stream,
                                               void *cuda_stream)
{
    CALL(1, transfer(__func__, state, stream, cuda_stream), { handle, HANDLE }, { decoder, DECODER },
         { state, JPEG_STATE }, { stream, JPEG_STREAM });
}

static Status decode_on_device(const char *name, Object *state, const Image *destination, void *stream)
{
    if (state->phase != TRANSFERRED)
        return misuse(name, "no nvjpegDecodeJpegTransferToDevice() before");
    state->phase = IDLE;

    return store(name, &state->pinned->picture, &state->pinned->memory, state->format, destination, stream);
}

EXPORT Status nvjpegDecodeJpegDevice(Object *handle, Object *decoder, Object *state, const Image *destination,
                                     void *stream)
{
    CALL(1, decode_on_device(__func__, state, destination, stream), { handle, HANDLE }, { decoder, DECODER },
         { state, JPEG_STATE });
}
