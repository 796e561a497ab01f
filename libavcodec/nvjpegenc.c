/*
 * JPEG encoding by nvJPEG
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
 * JPEG encoder for CUDA frames: nothing but the JPEG leaves the GPU.
 *
 * An image takes a GPU less than half a millisecond, so one encoder alone keeps
 * it busy, and what several encoders gain from memory of their own is nothing.
 * Hence those of a device take turns with a few slots, see ff_nvjpeg_take_slot(),
 * and each call of nvjpeg_encode() returns its own packet.
 */

#include <string.h>

#include "libavutil/cuda_check.h"
#include "libavutil/hwcontext.h"
#include "libavutil/hwcontext_cuda_internal.h"
#include "libavutil/intreadwrite.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"

#include "avcodec.h"
#include "codec_internal.h"
#include "encode.h"
#include "hwconfig.h"
#include "jpeg_markers.h"
#include "jpegenc_common.h"
#include "mjpeg.h"
#include "nvjpeg.h"

#define CHECK_CU(x) FF_CUDA_CHECK_DL(avctx, s->cu, x)

typedef struct NVJPEGEncContext {
    AVClass *class;

    char *library;
    int quality;
    int optimize;
    int async_depth;

    const AVCUDADeviceContext *hwctx;
    CudaFunctions *cu;
    CUcontext cuda_ctx;
    CUstream frame_stream;          ///< the one that frames are written on
    CUevent ready;
    enum AVPixelFormat sw_format;
    nvjpegChromaSubsampling_t subsampling;

    NVJPEGDevice *dev;
    nvjpegEncoderParams_t params;

    uint8_t *markers;
    unsigned markers_size;
} NVJPEGEncContext;

static av_cold int nvjpeg_close(AVCodecContext *avctx)
{
    NVJPEGEncContext *s = avctx->priv_data;
    CUcontext dummy;

    if (s->cuda_ctx && CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx)) >= 0) {
        if (s->ready)
            CHECK_CU(s->cu->cuEventDestroy(s->ready));
        if (s->params)
            s->dev->nv.EncoderParamsDestroy(s->params);
        CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));
    }
    ff_nvjpeg_close(&s->dev);
    av_freep(&s->markers);

    return 0;
}

static av_cold int create_params(AVCodecContext *avctx, int quality)
{
    NVJPEGEncContext *s = avctx->priv_data;
    const NVJPEGFunctions *nv = &s->dev->nv;
    nvjpegStatus_t status;

    status = nv->EncoderParamsCreate(s->dev->handle, &s->params, NULL);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->EncoderParamsSetQuality(s->params, quality, NULL);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->EncoderParamsSetOptimizedHuffman(s->params, s->optimize, NULL);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->EncoderParamsSetSamplingFactors(s->params, s->subsampling, NULL);

    return ff_nvjpeg_check(avctx, status, "setting its parameters");
}

static av_cold int nvjpeg_init(AVCodecContext *avctx)
{
    NVJPEGEncContext *s = avctx->priv_data;
    AVHWFramesContext *frames;
    AVCUDADeviceContext *hwctx;
    CUcontext dummy;
    int ret, quality;

    if (!avctx->hw_frames_ctx) {
        av_log(avctx, AV_LOG_ERROR, "This encoder takes frames in CUDA memory only; "
               "hwupload_cuda brings others there, libjpegturbo encodes them\n");
        return AVERROR(EINVAL);
    }
    frames = (AVHWFramesContext *)avctx->hw_frames_ctx->data;

    s->sw_format   = frames->sw_format;
    s->subsampling = s->sw_format == AV_PIX_FMT_NV12 ? NVJPEG_CSS_420
                                                     : ff_nvjpeg_subsampling(s->sw_format);
    if (s->subsampling == NVJPEG_CSS_UNKNOWN) {
        av_log(avctx, AV_LOG_ERROR, "CUDA frames of format %s cannot be encoded, those of "
               "yuv420p, yuv422p, yuv444p and gray can; equi2multi_cuda and scale_cuda "
               "have an option \"format\"\n", av_get_pix_fmt_name(s->sw_format));
        return AVERROR(EINVAL);
    }

    quality = ff_jpegenc_init(avctx, s->sw_format, s->quality);
    if (quality < 0)
        return quality;

    ret = ff_nvjpeg_open(&s->dev, avctx, frames->device_ref, s->library);
    if (ret < 0)
        return ret;
    if (s->sw_format == AV_PIX_FMT_NV12 && !s->dev->nv.Encode) {
        av_log(avctx, AV_LOG_ERROR, "nvJPEG %d.%d cannot encode CUDA frames of format nv12, 13 "
               "can; equi2multi_cuda and scale_cuda make yuv420p by option \"format\"\n",
               s->dev->major, s->dev->minor);
        return AVERROR(ENOSYS);
    }

    hwctx           = frames->device_ctx->hwctx;
    s->hwctx        = hwctx;
    s->cu           = hwctx->internal->cuda_dl;
    s->frame_stream = hwctx->stream;

    ret = CHECK_CU(s->cu->cuCtxPushCurrent(hwctx->cuda_ctx));
    if (ret < 0)
        return ret;
    s->cuda_ctx = hwctx->cuda_ctx;

    ret = CHECK_CU(s->cu->cuEventCreate(&s->ready, CU_EVENT_BLOCKING_SYNC |
                                                   CU_EVENT_DISABLE_TIMING));
    if (ret >= 0)
        ret = create_params(avctx, quality);
    CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));

    return ret;
}

static int wait_for(AVCodecContext *avctx, CUevent event, CUstream stream)
{
    NVJPEGEncContext *s = avctx->priv_data;
    int ret = CHECK_CU(s->cu->cuEventRecord(event, stream));

    return ret < 0 ? ret : CHECK_CU(s->cu->cuEventSynchronize(event));
}

/** Encode and, behind room for markers, download. */
static int compress(AVCodecContext *avctx, AVPacket *pkt, const AVFrame *frame,
                    NVJPEGEncoderSlot *slot, int markers_size)
{
    NVJPEGEncContext *s = avctx->priv_data;
    const NVJPEGFunctions *nv = &s->dev->nv;
    const nvjpegHandle_t handle = s->dev->handle;
    const nvjpegImage_t image = ff_nvjpeg_image(frame);
    nvjpegStatus_t status;
    size_t size;
    int ret;

    if (s->sw_format == AV_PIX_FMT_NV12)
        status = nv->Encode(handle, slot->state, s->params, &image, s->subsampling,
                            NVJPEG_INPUT_NV12, avctx->width, avctx->height, slot->stream);
    else
        status = nv->EncodeYUV(handle, slot->state, s->params, &image, s->subsampling,
                               avctx->width, avctx->height, slot->stream);
    ret = ff_nvjpeg_check(avctx, status, "encoding");
    if (ret < 0)
        return ret;

    ret = wait_for(avctx, slot->done, slot->stream);
    if (ret < 0)
        return ret;
    status = nv->EncodeRetrieveBitstream(handle, slot->state, NULL, &size, slot->stream);
    ret = ff_nvjpeg_check(avctx, status, "asking for a size");
    if (ret < 0)
        return ret;

    ret = ff_nvjpeg_grow_slot(s->dev, avctx, slot, size);
    if (ret < 0)
        return ret;
    status = nv->EncodeRetrieveBitstream(handle, slot->state, slot->host, &size, slot->stream);
    ret = ff_nvjpeg_check(avctx, status, "downloading");
    if (ret < 0)
        return ret;
    ret = wait_for(avctx, slot->done, slot->stream);
    if (ret < 0)
        return ret;

    ret = ff_get_encode_buffer(avctx, pkt, (int64_t)size + markers_size, 0);
    if (ret < 0)
        return ret;
    memcpy(pkt->data + markers_size, slot->host, size);

    return 0;
}

/** Put markers behind the JFIF header that nvJPEG writes, and the aspect ratio into it. */
static void complete(AVCodecContext *avctx, AVPacket *pkt, int markers_size)
{
    NVJPEGEncContext *s = avctx->priv_data;
    const AVRational sar = avctx->sample_aspect_ratio;
    uint8_t *jpeg = pkt->data + markers_size;
    int size = 2, x, y;

    if (AV_RB16(jpeg + 2) == (0xff00 | APP0)) {
        size += 2 + AV_RB16(jpeg + 4);
        if (sar.num > 0 && sar.den > 0) {
            av_reduce(&x, &y, sar.num, sar.den, UINT16_MAX);
            AV_WB8(jpeg + 13, 0);
            AV_WB16(jpeg + 14, FFMAX(x, 1));
            AV_WB16(jpeg + 16, FFMAX(y, 1));
        }
    }
    if (markers_size) {
        memmove(pkt->data, jpeg, size);
        memcpy(pkt->data + size, s->markers, markers_size);
    }
}

static int nvjpeg_encode(AVCodecContext *avctx, AVPacket *pkt, const AVFrame *frame,
                         int *got_packet)
{
    NVJPEGEncContext *s = avctx->priv_data;
    const AVBufferRef *frames_ref = frame->hw_frames_ctx;
    NVJPEGEncoderSlot *slot;
    CUcontext dummy;
    int ret, markers_size;

    if (frame->width != avctx->width || frame->height != avctx->height || !frames_ref ||
        ((const AVHWFramesContext *)frames_ref->data)->sw_format != s->sw_format) {
        av_log(avctx, AV_LOG_ERROR, "The size or pixel format of the frames has changed\n");
        return AVERROR(EINVAL);
    }
    // what the frame waits for is looked for on the stream of its device
    if (((const AVHWFramesContext *)frames_ref->data)->device_ctx->hwctx != s->hwctx) {
        av_log(avctx, AV_LOG_ERROR, "The frame is of another CUDA device than the first one\n");
        return AVERROR(EINVAL);
    }

    markers_size = ff_jpeg_markers(avctx, frame, &s->markers, &s->markers_size);
    if (markers_size < 0)
        return markers_size;

    ret = CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx));
    if (ret < 0)
        return ret;

    // what the frame still waits for may take long, so no slot is held meanwhile
    ret = wait_for(avctx, s->ready, s->frame_stream);
    if (ret >= 0)
        ret = ff_nvjpeg_take_slot(s->dev, avctx, &slot, s->async_depth);
    if (ret >= 0) {
        ret = compress(avctx, pkt, frame, slot, markers_size);
        ff_nvjpeg_give_slot(s->dev, avctx, slot, ret < 0);
    }
    CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));
    if (ret < 0)
        return ret;

    complete(avctx, pkt, markers_size);
    *got_packet = 1;

    return 0;
}

#define OFFSET(x) offsetof(NVJPEGEncContext, x)
#define VE AV_OPT_FLAG_VIDEO_PARAM | AV_OPT_FLAG_ENCODING_PARAM
static const AVOption options[] = {
    JPEGENC_QUALITY_OPTION(OFFSET(quality), VE),
    { "optimize",    "compute optimal Huffman tables",                     OFFSET(optimize),    AV_OPT_TYPE_BOOL,   { .i64 = 0 },    0, 1,  VE },
    { "async_depth", "images that all encoders of a GPU encode at a time", OFFSET(async_depth), AV_OPT_TYPE_INT,    { .i64 = 2 },    1, 64, VE },
    { "library",     "file of nvJPEG",                                     OFFSET(library),     AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0,  VE },
    { NULL },
};

static const AVClass nvjpeg_class = {
    .class_name = "mjpeg_nvjpeg",
    .item_name  = av_default_item_name,
    .option     = options,
    .version    = LIBAVUTIL_VERSION_INT,
};

static const AVCodecHWConfigInternal *const hw_configs[] = {
    HW_CONFIG_ENCODER_FRAMES(CUDA, CUDA),
    NULL,
};

const FFCodec ff_mjpeg_nvjpeg_encoder = {
    .p.name         = "mjpeg_nvjpeg",
    CODEC_LONG_NAME("nvJPEG JPEG"),
    .p.type         = AVMEDIA_TYPE_VIDEO,
    .p.id           = AV_CODEC_ID_MJPEG,
    .priv_data_size = sizeof(NVJPEGEncContext),
    .init           = nvjpeg_init,
    FF_CODEC_ENCODE_CB(nvjpeg_encode),
    .close          = nvjpeg_close,
    .p.capabilities = AV_CODEC_CAP_DR1 | AV_CODEC_CAP_HARDWARE |
                      AV_CODEC_CAP_ENCODER_REORDERED_OPAQUE,
    .caps_internal  = FF_CODEC_CAP_INIT_CLEANUP | FF_CODEC_CAP_ICC_PROFILES,
    CODEC_PIXFMTS(AV_PIX_FMT_CUDA),
    .color_ranges   = AVCOL_RANGE_JPEG,
    .p.priv_class   = &nvjpeg_class,
    .p.wrapper_name = "nvjpeg",
    .hw_configs     = hw_configs,
    .defaults       = ff_jpegenc_defaults,
    .get_supported_config = ff_jpegenc_get_supported_config,
};
