/*
 * nvJPEG, loaded at run time
 *
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

#ifndef AVCODEC_NVJPEG_H
#define AVCODEC_NVJPEG_H

#include "libavutil/frame.h"
#include "libavutil/hwcontext.h"
#include "libavutil/pixfmt.h"
#include "libavutil/thread.h"
#include "nvjpeg_dynlink.h"

// not in the table of ffnvcodec
typedef CUresult CUDAAPI tcuMemHostAlloc(void **ptr, size_t size, unsigned flags);
typedef CUresult CUDAAPI tcuMemFreeHost(void *ptr);

/** What encodes one picture at a time. */
typedef struct NVJPEGEncoderSlot {
    struct NVJPEGEncoderSlot *next;
    nvjpegEncoderState_t state;
    CUstream stream;
    CUevent done;
    uint8_t *host;              ///< page-locked memory, where the bitstream comes to
    size_t host_size;
} NVJPEGEncoderSlot;

/**
 * nvJPEG on one device, shared by all codecs there: the library's code takes
 * about 50 MB of a GPU's memory, and a slot another 15 bytes a pixel.
 */
typedef struct NVJPEGDevice {
    struct NVJPEGDevice *next;
    int refs;

    void *dl;
    NVJPEGFunctions nv;
    nvjpegHandle_t handle;
    int major, minor;           ///< version
    char *library;              ///< option it was loaded with

    AVBufferRef *device_ref;
    CudaFunctions *cu;
    CUcontext cuda_ctx;
    tcuMemHostAlloc *cuMemHostAlloc;
    tcuMemFreeHost *cuMemFreeHost;

    AVMutex mutex;              ///< of what follows
    AVCond given;
    NVJPEGEncoderSlot *slots;   ///< the free ones
    int nb_slots;               ///< of all
} NVJPEGDevice;

/**
 * Load nvJPEG for a CUDA device, or get it if it is there already.
 *
 * @param library  path or name; NULL: that of $NVJPEG_LIBRARY, or the newest one
 *                 that the system's loader finds
 * @return 0 or a negative AVERROR, which the log explains
 */
int ff_nvjpeg_open(NVJPEGDevice **dev, void *logctx, AVBufferRef *device_ref,
                   const char *library);

void ff_nvjpeg_close(NVJPEGDevice **dev);

/**
 * Take a slot. If there are none free, make one or, from a number of max on, wait
 * for one; so whoever has one must give it back before waiting for anything but
 * the GPU. The device's context must be current.
 */
int ff_nvjpeg_take_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot **slot, int max);

/**
 * See to it that a slot has that many bytes of host memory. The driver copies to
 * other memory by way of its own, one picture after the other: a third of the speed.
 */
int ff_nvjpeg_grow_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot *slot, size_t size);

/** Give it back; one that failed is in the middle of something, and not used again. */
void ff_nvjpeg_give_slot(NVJPEGDevice *dev, void *logctx, NVJPEGEncoderSlot *slot, int failed);

/** Log what nvJPEG failed to do, if it did. Return 0 or a negative AVERROR. */
int ff_nvjpeg_check(void *logctx, nvjpegStatus_t status, const char *what);

/** Pixel format of planes with some chroma subsampling, and the way back. */
enum AVPixelFormat ff_nvjpeg_pix_fmt(nvjpegChromaSubsampling_t css);
nvjpegChromaSubsampling_t ff_nvjpeg_subsampling(enum AVPixelFormat pix_fmt);

/** The planes of a CUDA frame. */
nvjpegImage_t ff_nvjpeg_image(const AVFrame *frame);

#endif /* AVCODEC_NVJPEG_H */
