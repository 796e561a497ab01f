/*
 * The part of nvJPEG's interface that is used here
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

/**
 * @file
 * nvJPEG is part of the CUDA toolkit, not of the driver, so neither its header
 * nor the library can be counted on. Its binary interface has been the same from
 * version 11 to 13 at least, but for what is marked as younger.
 */

#ifndef AVCODEC_NVJPEG_DYNLINK_H
#define AVCODEC_NVJPEG_DYNLINK_H

#include <stddef.h>

#include "compat/cuda/dynlink_loader.h"

typedef enum nvjpegStatus_t {
    NVJPEG_STATUS_SUCCESS              = 0,
    NVJPEG_STATUS_BAD_JPEG             = 3,
    NVJPEG_STATUS_JPEG_NOT_SUPPORTED   = 4,
    NVJPEG_STATUS_ALLOCATOR_FAILURE    = 5,
    NVJPEG_STATUS_INCOMPLETE_BITSTREAM = 10,
} nvjpegStatus_t;

typedef enum nvjpegBackend_t {
    NVJPEG_BACKEND_DEFAULT    = 0,
    NVJPEG_BACKEND_GPU_HYBRID = 2,
    NVJPEG_BACKEND_HARDWARE   = 3,
} nvjpegBackend_t;

typedef enum nvjpegChromaSubsampling_t {
    NVJPEG_CSS_444     = 0,
    NVJPEG_CSS_422     = 1,
    NVJPEG_CSS_420     = 2,
    NVJPEG_CSS_GRAY    = 6,
    NVJPEG_CSS_UNKNOWN = -1,
} nvjpegChromaSubsampling_t;

typedef enum nvjpegInputFormat_t {
    NVJPEG_INPUT_NV12 = 8,
} nvjpegInputFormat_t;

typedef enum nvjpegOutputFormat_t {
    NVJPEG_OUTPUT_YUV = 1,      ///< planes as they are
    NVJPEG_OUTPUT_Y   = 2,
} nvjpegOutputFormat_t;

typedef struct nvjpegImage_t {
    unsigned char *channel[4];
    size_t pitch[4];
} nvjpegImage_t;

typedef struct nvjpegHandle       *nvjpegHandle_t;
typedef struct nvjpegEncoderState *nvjpegEncoderState_t;
typedef struct nvjpegEncoderParams *nvjpegEncoderParams_t;
typedef struct nvjpegJpegDecoder  *nvjpegJpegDecoder_t;
typedef struct nvjpegJpegState    *nvjpegJpegState_t;
typedef struct nvjpegJpegStream   *nvjpegJpegStream_t;
typedef struct nvjpegDecodeParams *nvjpegDecodeParams_t;
typedef struct nvjpegBufferPinned *nvjpegBufferPinned_t;
typedef struct nvjpegBufferDevice *nvjpegBufferDevice_t;

/**
 * The functions: name, whether they are required, arguments.
 *
 * Property 0 is the major version, 1 the minor one. The allocators are NULL for
 * the library's own. Streams are those of the driver.
 */
#define NVJPEG_FUNCTIONS(F)                                                               \
    F(GetProperty,                1, (int property, int *value))                          \
    F(CreateEx,                   1, (nvjpegBackend_t backend, void *dev_allocator,       \
                                      void *pinned_allocator, unsigned flags,             \
                                      nvjpegHandle_t *handle))                            \
    F(Destroy,                    1, (nvjpegHandle_t handle))                             \
                                                                                          \
    F(EncoderStateCreate,         1, (nvjpegHandle_t handle, nvjpegEncoderState_t *state, \
                                      CUstream stream))                                   \
    F(EncoderStateDestroy,        1, (nvjpegEncoderState_t state))                        \
    F(EncoderParamsCreate,        1, (nvjpegHandle_t handle,                              \
                                      nvjpegEncoderParams_t *params, CUstream stream))    \
    F(EncoderParamsDestroy,       1, (nvjpegEncoderParams_t params))                      \
    F(EncoderParamsSetQuality,    1, (nvjpegEncoderParams_t params, int quality,          \
                                      CUstream stream))                                   \
    F(EncoderParamsSetOptimizedHuffman, 1, (nvjpegEncoderParams_t params, int optimized,  \
                                      CUstream stream))                                   \
    F(EncoderParamsSetSamplingFactors, 1, (nvjpegEncoderParams_t params,                  \
                                      nvjpegChromaSubsampling_t css, CUstream stream))    \
    F(EncodeYUV,                  1, (nvjpegHandle_t handle, nvjpegEncoderState_t state,  \
                                      nvjpegEncoderParams_t params,                       \
                                      const nvjpegImage_t *source,                        \
                                      nvjpegChromaSubsampling_t css,                      \
                                      int width, int height, CUstream stream))            \
    /* since 13 */                                                                        \
    F(Encode,                     0, (nvjpegHandle_t handle, nvjpegEncoderState_t state,  \
                                      nvjpegEncoderParams_t params,                       \
                                      const nvjpegImage_t *source,                        \
                                      nvjpegChromaSubsampling_t css,                      \
                                      nvjpegInputFormat_t format,                         \
                                      int width, int height, CUstream stream))            \
    F(EncodeRetrieveBitstream,    1, (nvjpegHandle_t handle, nvjpegEncoderState_t state,  \
                                      unsigned char *data, size_t *length,                \
                                      CUstream stream))                                   \
                                                                                          \
    F(JpegStreamCreate,           1, (nvjpegHandle_t handle, nvjpegJpegStream_t *jpeg))   \
    F(JpegStreamDestroy,          1, (nvjpegJpegStream_t jpeg))                           \
    F(JpegStreamParse,            1, (nvjpegHandle_t handle, const unsigned char *data,   \
                                      size_t length, int save_metadata, int save_stream,  \
                                      nvjpegJpegStream_t jpeg))                           \
    F(JpegStreamGetFrameDimensions, 1, (nvjpegJpegStream_t jpeg, unsigned *width,         \
                                      unsigned *height))                                  \
    F(JpegStreamGetChromaSubsampling, 1, (nvjpegJpegStream_t jpeg,                        \
                                      nvjpegChromaSubsampling_t *css))                    \
    F(DecoderCreate,              1, (nvjpegHandle_t handle, nvjpegBackend_t backend,     \
                                      nvjpegJpegDecoder_t *decoder))                      \
    F(DecoderDestroy,             1, (nvjpegJpegDecoder_t decoder))                       \
    F(DecoderJpegSupported,       1, (nvjpegJpegDecoder_t decoder,                        \
                                      nvjpegJpegStream_t jpeg,                            \
                                      nvjpegDecodeParams_t params, int *is_unsupported))  \
    F(DecoderStateCreate,         1, (nvjpegHandle_t handle, nvjpegJpegDecoder_t decoder, \
                                      nvjpegJpegState_t *state))                          \
    F(JpegStateDestroy,           1, (nvjpegJpegState_t state))                           \
    F(DecodeParamsCreate,         1, (nvjpegHandle_t handle,                              \
                                      nvjpegDecodeParams_t *params))                      \
    F(DecodeParamsDestroy,        1, (nvjpegDecodeParams_t params))                       \
    F(DecodeParamsSetOutputFormat, 1, (nvjpegDecodeParams_t params,                       \
                                      nvjpegOutputFormat_t format))                       \
    F(BufferPinnedCreate,         1, (nvjpegHandle_t handle, void *allocator,             \
                                      nvjpegBufferPinned_t *buffer))                      \
    F(BufferPinnedDestroy,        1, (nvjpegBufferPinned_t buffer))                       \
    F(BufferDeviceCreate,         1, (nvjpegHandle_t handle, void *allocator,             \
                                      nvjpegBufferDevice_t *buffer))                      \
    F(BufferDeviceDestroy,        1, (nvjpegBufferDevice_t buffer))                       \
    F(StateAttachPinnedBuffer,    1, (nvjpegJpegState_t state,                            \
                                      nvjpegBufferPinned_t buffer))                       \
    F(StateAttachDeviceBuffer,    1, (nvjpegJpegState_t state,                            \
                                      nvjpegBufferDevice_t buffer))                       \
    F(DecodeJpegHost,             1, (nvjpegHandle_t handle, nvjpegJpegDecoder_t decoder, \
                                      nvjpegJpegState_t state,                            \
                                      nvjpegDecodeParams_t params,                        \
                                      nvjpegJpegStream_t jpeg))                           \
    F(DecodeJpegTransferToDevice, 1, (nvjpegHandle_t handle, nvjpegJpegDecoder_t decoder, \
                                      nvjpegJpegState_t state, nvjpegJpegStream_t jpeg,   \
                                      CUstream stream))                                   \
    F(DecodeJpegDevice,           1, (nvjpegHandle_t handle, nvjpegJpegDecoder_t decoder, \
                                      nvjpegJpegState_t state,                            \
                                      nvjpegImage_t *destination, CUstream stream))

typedef struct NVJPEGFunctions {
#define MEMBER(name, required, args) nvjpegStatus_t (*name) args;
    NVJPEG_FUNCTIONS(MEMBER)
#undef MEMBER
} NVJPEGFunctions;

#endif /* AVCODEC_NVJPEG_DYNLINK_H */
