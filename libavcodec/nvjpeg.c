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
 * nvJPEG for the codecs that use it: found and loaded, and shared on a device.
 */

#include "libavutil/avstring.h"
#include "libavutil/buffer.h"
#include "libavutil/cuda_check.h"
#include "libavutil/getenv_utf8.h"
#include "libavutil/hwcontext_cuda_internal.h"
#include "libavutil/mem.h"
#include "nvjpeg.h"

#define CHECK_CU(x) FF_CUDA_CHECK_DL(logctx, dev->cu, x)

static AVMutex devices_mutex = AV_MUTEX_INITIALIZER;
static NVJPEGDevice *devices;

static const char *const names[] = {
#if defined(_WIN32)
    "nvjpeg64_13.dll", "nvjpeg64_12.dll", "nvjpeg64_11.dll",
#else
    "libnvjpeg.so.13", "libnvjpeg.so.12", "libnvjpeg.so.11", "libnvjpeg.so",
#endif
};

static const struct {
    nvjpegChromaSubsampling_t css;
    enum AVPixelFormat pix_fmt;
} formats[] = {
    { NVJPEG_CSS_420,  AV_PIX_FMT_YUV420P },
    { NVJPEG_CSS_422,  AV_PIX_FMT_YUV422P },
    { NVJPEG_CSS_444,  AV_PIX_FMT_YUV444P },
    { NVJPEG_CSS_GRAY, AV_PIX_FMT_GRAY8   },
};

enum AVPixelFormat ff_nvjpeg_pix_fmt(nvjpegChromaSubsampling_t css)
{
    for (int i = 0; i < FF_ARRAY_ELEMS(formats); i++)
        if (formats[i].css == css)
            return formats[i].pix_fmt;
    return AV_PIX_FMT_NONE;
}

nvjpegChromaSubsampling_t ff_nvjpeg_subsampling(enum AVPixelFormat pix_fmt)
{
    for (int i = 0; i < FF_ARRAY_ELEMS(formats); i++)
        if (formats[i].pix_fmt == pix_fmt)
            return formats[i].css;
    return NVJPEG_CSS_UNKNOWN;
}

nvjpegImage_t ff_nvjpeg_image(const AVFrame *frame)
{
    nvjpegImage_t image = { 0 };

    for (int i = 0; i < FF_ARRAY_ELEMS(image.channel) && frame->data[i]; i++) {
        image.channel[i] = frame->data[i];
        image.pitch[i]   = frame->linesize[i];
    }

    return image;
}

int ff_nvjpeg_check(void *logctx, nvjpegStatus_t status, const char *what)
{
    switch (status) {
    case NVJPEG_STATUS_SUCCESS:
        return 0;
    case NVJPEG_STATUS_BAD_JPEG:
    case NVJPEG_STATUS_INCOMPLETE_BITSTREAM:
        av_log(logctx, AV_LOG_ERROR, "The JPEG is damaged (nvJPEG's status %d when %s)\n",
               status, what);
        return AVERROR_INVALIDDATA;
    case NVJPEG_STATUS_JPEG_NOT_SUPPORTED:
        av_log(logctx, AV_LOG_ERROR, "The JPEG is damaged or of a kind that nvJPEG does not "
               "support; -c:v mjpeg may decode it\n");
        return AVERROR_INVALIDDATA;
    case NVJPEG_STATUS_ALLOCATOR_FAILURE:
        av_log(logctx, AV_LOG_ERROR, "No memory left on the GPU when %s; "
               "a smaller -async_depth or smaller pictures need less\n", what);
        return AVERROR(ENOMEM);
    default:
        av_log(logctx, AV_LOG_ERROR, "nvJPEG failed with status %d when %s\n", status, what);
        return AVERROR_EXTERNAL;
    }
}

/** Load the library and look up its functions. Take what is in use already, or the newest. */
static int load(NVJPEGDevice *dev, void *logctx)
{
    char *env = getenv_utf8("NVJPEG_LIBRARY");
    const char *library = dev->library ? dev->library : env;
    const char *missing = NULL;
    int ret = AVERROR(ENOENT);

    if (library && *library) {
        dev->dl = FFNV_LOAD_FUNC(library);
        if (!dev->dl) {
            av_log(logctx, AV_LOG_ERROR, "%s, which %s names, cannot be loaded as nvJPEG\n",
                   library, dev->library ? "-library" : "NVJPEG_LIBRARY");
            goto end;
        }
    }
    for (int i = 0; !dev->dl && i < FF_ARRAY_ELEMS(names); i++)
        dev->dl = FFNV_LOAD_FUNC(library = names[i]);
    if (!dev->dl) {
        av_log(logctx, AV_LOG_ERROR, "nvJPEG (%s) was not found; it comes with CUDA and with "
               "PyTorch for CUDA: name its file in -library or NVJPEG_LIBRARY\n", names[0]);
        goto end;
    }

#define LOAD(name, required, args)                                    \
    dev->nv.name = FFNV_SYM_FUNC(dev->dl, "nvjpeg" #name);            \
    if (!dev->nv.name && required)                                    \
        missing = "nvjpeg" #name;
    NVJPEG_FUNCTIONS(LOAD)
#undef LOAD
    if (missing) {
        av_log(logctx, AV_LOG_ERROR, "%s is not nvJPEG 11 or later: it has no %s\n",
               library, missing);
        ret = AVERROR(ENOSYS);
        goto end;
    }

    dev->nv.GetProperty(0, &dev->major);
    dev->nv.GetProperty(1, &dev->minor);
    av_log(logctx, AV_LOG_VERBOSE, "nvJPEG %d.%d from %s\n", dev->major, dev->minor, library);
    ret = 0;

end:
    freeenv_utf8(env);
    return ret;
}

static void free_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot **slot)
{
    if ((*slot)->state)
        dev->nv.EncoderStateDestroy((*slot)->state);
    if ((*slot)->done)
        CHECK_CU(dev->cu->cuEventDestroy((*slot)->done));
    if ((*slot)->stream)
        CHECK_CU(dev->cu->cuStreamDestroy((*slot)->stream));
    if ((*slot)->host)
        CHECK_CU(dev->cuMemFreeHost((*slot)->host));
    av_freep(slot);
}

static void free_device(NVJPEGDevice **pdev)
{
    NVJPEGDevice *dev = *pdev;
    void *logctx = NULL;
    CUcontext dummy;

    if (dev->cuda_ctx && dev->cu->cuCtxPushCurrent(dev->cuda_ctx) == CUDA_SUCCESS) {
        while (dev->slots) {
            NVJPEGEncoderSlot *slot = dev->slots;

            dev->slots = slot->next;
            free_slot(dev, logctx, &slot);
        }
        if (dev->handle)
            dev->nv.Destroy(dev->handle);
        CHECK_CU(dev->cu->cuCtxPopCurrent(&dummy));
    }
    if (dev->dl)
        FFNV_FREE_FUNC(dev->dl);
    ff_cond_destroy(&dev->given);
    ff_mutex_destroy(&dev->mutex);
    av_buffer_unref(&dev->device_ref);
    av_freep(&dev->library);
    av_freep(pdev);
}

static int create_device(NVJPEGDevice **pdev, void *logctx, AVBufferRef *device_ref,
                         const char *library)
{
    AVCUDADeviceContext *hwctx = ((AVHWDeviceContext *)device_ref->data)->hwctx;
    NVJPEGDevice *dev = av_mallocz(sizeof(*dev));
    CUcontext dummy;
    int ret;

    if (!dev)
        return AVERROR(ENOMEM);
    ff_mutex_init(&dev->mutex, NULL);
    ff_cond_init(&dev->given, NULL);

    dev->device_ref = av_buffer_ref(device_ref);
    dev->library    = av_strdup(library);
    if (!dev->device_ref || library && !dev->library) {
        ret = AVERROR(ENOMEM);
        goto fail;
    }

    ret = load(dev, logctx);
    if (ret < 0)
        goto fail;

    dev->cu             = hwctx->internal->cuda_dl;
    dev->cuMemHostAlloc = (tcuMemHostAlloc *)FFNV_SYM_FUNC(dev->cu->lib, "cuMemHostAlloc");
    dev->cuMemFreeHost  = (tcuMemFreeHost  *)FFNV_SYM_FUNC(dev->cu->lib, "cuMemFreeHost");
    if (!dev->cuMemHostAlloc || !dev->cuMemFreeHost) {
        av_log(logctx, AV_LOG_ERROR, "The driver has no page-locked memory\n");
        ret = AVERROR(ENOSYS);
        goto fail;
    }
    dev->cuda_ctx = hwctx->cuda_ctx;
    ret = CHECK_CU(dev->cu->cuCtxPushCurrent(dev->cuda_ctx));
    if (ret < 0) {
        dev->cuda_ctx = NULL;
        goto fail;
    }
    ret = ff_nvjpeg_check(logctx, dev->nv.CreateEx(NVJPEG_BACKEND_DEFAULT, NULL, NULL, 0,
                                                   &dev->handle), "starting");
    CHECK_CU(dev->cu->cuCtxPopCurrent(&dummy));
    if (ret < 0)
        goto fail;

    *pdev = dev;

    return 0;

fail:
    free_device(&dev);
    return ret;
}

int ff_nvjpeg_open(NVJPEGDevice **pdev, void *logctx, AVBufferRef *device_ref,
                   const char *library)
{
    AVCUDADeviceContext *hwctx = ((AVHWDeviceContext *)device_ref->data)->hwctx;
    NVJPEGDevice *dev;
    int ret = 0;

    ff_mutex_lock(&devices_mutex);
    for (dev = devices; dev; dev = dev->next)
        if (dev->cuda_ctx == hwctx->cuda_ctx &&
            !strcmp(dev->library ? dev->library : "", library ? library : ""))
            break;
    if (!dev) {
        ret = create_device(&dev, logctx, device_ref, library);
        if (ret >= 0) {
            dev->next = devices;
            devices   = dev;
        }
    }
    if (ret >= 0) {
        dev->refs++;
        *pdev = dev;
    }
    ff_mutex_unlock(&devices_mutex);

    return ret;
}

void ff_nvjpeg_close(NVJPEGDevice **pdev)
{
    NVJPEGDevice *dev = *pdev, **p = &devices;

    if (!dev)
        return;

    ff_mutex_lock(&devices_mutex);
    if (!--dev->refs) {
        while (*p != dev)
            p = &(*p)->next;
        *p = dev->next;
        free_device(&dev);
    }
    ff_mutex_unlock(&devices_mutex);
    *pdev = NULL;
}

static int create_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot **pslot)
{
    NVJPEGEncoderSlot *slot = av_mallocz(sizeof(*slot));
    int ret;

    if (!slot)
        return AVERROR(ENOMEM);
    ret = CHECK_CU(dev->cu->cuStreamCreate(&slot->stream, CU_STREAM_NON_BLOCKING));
    if (ret >= 0)
        ret = CHECK_CU(dev->cu->cuEventCreate(&slot->done, CU_EVENT_BLOCKING_SYNC |
                                                           CU_EVENT_DISABLE_TIMING));
    if (ret >= 0)
        ret = ff_nvjpeg_check(logctx, dev->nv.EncoderStateCreate(dev->handle, &slot->state,
                                                                 slot->stream),
                              "making an encoder");
    if (ret < 0)
        free_slot(dev, logctx, &slot);
    *pslot = slot;

    return ret;
}

int ff_nvjpeg_take_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot **slot, int max)
{
    int ret = 0;

    ff_mutex_lock(&dev->mutex);
    while (!dev->slots && dev->nb_slots >= max)
        ff_cond_wait(&dev->given, &dev->mutex);
    if (dev->slots) {
        *slot      = dev->slots;
        dev->slots = dev->slots->next;
    } else {
        ret = create_slot(dev, logctx, slot);
        if (ret >= 0)
            dev->nb_slots++;
    }
    ff_mutex_unlock(&dev->mutex);

    return ret;
}

int ff_nvjpeg_grow_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot *slot, size_t size)
{
    void *host;
    int ret;

    if (size <= slot->host_size)
        return 0;

    size = FFALIGN(size + size / 4, 1 << 16);       // it takes a while, and the next may be larger
    ret = CHECK_CU(dev->cuMemHostAlloc(&host, size, 0));
    if (ret < 0)
        return ret;
    if (slot->host)
        CHECK_CU(dev->cuMemFreeHost(slot->host));
    slot->host      = host;
    slot->host_size = size;

    return 0;
}

void ff_nvjpeg_give_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot *slot, int failed)
{
    if (failed) {
        CHECK_CU(dev->cu->cuStreamSynchronize(slot->stream));   // with what it has been given
        free_slot(dev, logctx, &slot);
    }
    ff_mutex_lock(&dev->mutex);
    if (failed) {
        dev->nb_slots--;
        ff_cond_broadcast(&dev->given);     // the first to make a new one may not succeed
    } else {
        slot->next = dev->slots;
        dev->slots = slot;
        ff_cond_signal(&dev->given);
    }
    ff_mutex_unlock(&dev->mutex);
}
