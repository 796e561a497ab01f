/*
 * JPEG decoding by nvJPEG
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
 * JPEG decoder that makes CUDA frames.
 *
 * nvJPEG decodes an image in two parts: one on the host, which reads the JPEG
 * and has a good deal more to do where there is no hardware decoder; and one on
 * the GPU. Neither keeps anything busy with one image alone. So packets are collected
 * to batches, the first part is done for as many of a batch as there are threads
 * at a time, and the second one is queued, each image on its own stream. There
 * are slots for two batches: while the images of one come out, the GPU has the
 * other one to do.
 */

#include "libavutil/cuda_check.h"
#include "libavutil/hwcontext.h"
#include "libavutil/hwcontext_cuda_internal.h"
#include "libavutil/imgutils.h"
#include "libavutil/intreadwrite.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"

#include "avcodec.h"
#include "codec_internal.h"
#include "decode.h"
#include "hwconfig.h"
#include "internal.h"
#include "jpeg_markers.h"
#include "mjpeg.h"
#include "nvjpeg.h"

#define CHECK_CU(x) FF_CUDA_CHECK_DL(avctx, s->cu, x)

/** In order of preference. */
static const nvjpegBackend_t backends[] = { NVJPEG_BACKEND_HARDWARE, NVJPEG_BACKEND_GPU_HYBRID };

#define NB_BACKENDS FF_ARRAY_ELEMS(backends)

/** What decodes one image at a time. */
typedef struct Slot {
    AVPacket *pkt;
    AVFrame *frame;
    int ret;                                ///< what became of it
    int backend;                            ///< that does the first part
    unsigned width, height;
    enum AVPixelFormat sw_format;

    nvjpegJpegStream_t jpeg;
    nvjpegDecodeParams_t params;
    nvjpegJpegState_t state[NB_BACKENDS];   ///< created when needed
    nvjpegBufferPinned_t pinned;
    nvjpegBufferDevice_t device;
    CUstream stream;
    CUevent done;
} Slot;

typedef struct NVJPEGDecContext {
    AVClass *class;

    char *library;
    int async_depth;

    AVBufferRef *device_ref;
    AVBufferRef *frames_ref;
    CudaFunctions *cu;
    CUcontext cuda_ctx;
    CUstream frame_stream;      ///< the one that frames are read on
    CUevent reads;              ///< of frames whose memory is used again
    NVJPEGDevice *dev;
    nvjpegJpegDecoder_t decoder[NB_BACKENDS];

    Slot *slots;                ///< a ring of async_depth
    int batch;                  ///< images of a batch
    int first;                  ///< slot of the image that is next to come out
    int queued;                 ///< images whose second part is queued
    int collected;              ///< images behind those that are yet to be started
    int drain;                  ///< there are no more packets
} NVJPEGDecContext;

static Slot *get_slot(NVJPEGDecContext *s, int i)
{
    return &s->slots[(s->first + i) % s->async_depth];
}

static void free_states(AVCodecContext *avctx, Slot *slot)
{
    NVJPEGDecContext *s = avctx->priv_data;

    for (int i = 0; i < NB_BACKENDS; i++) {
        if (slot->state[i])
            s->dev->nv.JpegStateDestroy(slot->state[i]);
        slot->state[i] = NULL;
    }
}

static av_cold void free_slot(AVCodecContext *avctx, Slot *slot)
{
    NVJPEGDecContext *s = avctx->priv_data;
    const NVJPEGFunctions *nv = &s->dev->nv;

    if (slot->stream)
        CHECK_CU(s->cu->cuStreamSynchronize(slot->stream));
    free_states(avctx, slot);
    if (slot->params)
        nv->DecodeParamsDestroy(slot->params);
    if (slot->jpeg)
        nv->JpegStreamDestroy(slot->jpeg);
    if (slot->pinned)
        nv->BufferPinnedDestroy(slot->pinned);
    if (slot->device)
        nv->BufferDeviceDestroy(slot->device);
    if (slot->done)
        CHECK_CU(s->cu->cuEventDestroy(slot->done));
    if (slot->stream)
        CHECK_CU(s->cu->cuStreamDestroy(slot->stream));
    av_packet_free(&slot->pkt);
    av_frame_free(&slot->frame);
}

static av_cold int create_slot(AVCodecContext *avctx, Slot *slot)
{
    NVJPEGDecContext *s = avctx->priv_data;
    const NVJPEGFunctions *nv = &s->dev->nv;
    const nvjpegHandle_t handle = s->dev->handle;
    nvjpegStatus_t status;
    int ret;

    slot->pkt   = av_packet_alloc();
    slot->frame = av_frame_alloc();
    if (!slot->pkt || !slot->frame)
        return AVERROR(ENOMEM);
    ret = CHECK_CU(s->cu->cuStreamCreate(&slot->stream, CU_STREAM_NON_BLOCKING));
    if (ret < 0)
        return ret;
    ret = CHECK_CU(s->cu->cuEventCreate(&slot->done, CU_EVENT_BLOCKING_SYNC |
                                                     CU_EVENT_DISABLE_TIMING));
    if (ret < 0)
        return ret;

    status = nv->JpegStreamCreate(handle, &slot->jpeg);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->DecodeParamsCreate(handle, &slot->params);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->BufferPinnedCreate(handle, NULL, &slot->pinned);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->BufferDeviceCreate(handle, NULL, &slot->device);

    return ff_nvjpeg_check(avctx, status, "making a decoder");
}

static av_cold int nvjpeg_close(AVCodecContext *avctx)
{
    NVJPEGDecContext *s = avctx->priv_data;
    CUcontext dummy;

    if (s->cuda_ctx && CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx)) >= 0) {
        for (int i = 0; s->slots && i < s->async_depth; i++)
            free_slot(avctx, &s->slots[i]);
        for (int i = 0; i < NB_BACKENDS; i++)
            if (s->decoder[i])
                s->dev->nv.DecoderDestroy(s->decoder[i]);
        if (s->reads)
            CHECK_CU(s->cu->cuEventDestroy(s->reads));
        CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));
    }
    av_freep(&s->slots);
    ff_nvjpeg_close(&s->dev);
    av_buffer_unref(&s->frames_ref);
    av_buffer_unref(&s->device_ref);

    return 0;
}

static av_cold int nvjpeg_init(AVCodecContext *avctx)
{
    NVJPEGDecContext *s = avctx->priv_data;
    static const enum AVPixelFormat pix_fmts[] = { AV_PIX_FMT_CUDA, AV_PIX_FMT_NONE };
    AVCUDADeviceContext *hwctx;
    CUcontext dummy;
    int ret;

    avctx->pix_fmt = ff_get_format(avctx, pix_fmts);
    if (avctx->pix_fmt < 0) {
        av_log(avctx, AV_LOG_ERROR, "This decoder makes CUDA frames only; ffmpeg takes them "
               "with -hwaccel cuda -hwaccel_output_format cuda\n");
        return AVERROR(EINVAL);
    }
    avctx->color_range            = AVCOL_RANGE_JPEG;
    avctx->colorspace             = AVCOL_SPC_BT470BG;
    avctx->chroma_sample_location = AVCHROMA_LOC_CENTER;

    if (avctx->hw_device_ctx) {
        if (((const AVHWDeviceContext *)avctx->hw_device_ctx->data)->type != AV_HWDEVICE_TYPE_CUDA) {
            av_log(avctx, AV_LOG_ERROR, "The hardware device is no CUDA device\n");
            return AVERROR(EINVAL);
        }
        s->device_ref = av_buffer_ref(avctx->hw_device_ctx);
        ret = s->device_ref ? 0 : AVERROR(ENOMEM);
    } else {
        ret = av_hwdevice_ctx_create(&s->device_ref, AV_HWDEVICE_TYPE_CUDA, NULL, NULL, 0);
    }
    if (ret < 0)
        return ret;

    ret = ff_nvjpeg_open(&s->dev, avctx, s->device_ref, s->library);
    if (ret < 0)
        return ret;

    hwctx           = ((AVHWDeviceContext *)s->device_ref->data)->hwctx;
    s->cu           = hwctx->internal->cuda_dl;
    s->frame_stream = hwctx->stream;

    ret = CHECK_CU(s->cu->cuCtxPushCurrent(hwctx->cuda_ctx));
    if (ret < 0)
        return ret;
    s->cuda_ctx = hwctx->cuda_ctx;

    for (int i = 0; i < NB_BACKENDS; i++) {
        const nvjpegStatus_t status = s->dev->nv.DecoderCreate(s->dev->handle, backends[i],
                                                               &s->decoder[i]);

        if (status == NVJPEG_STATUS_SUCCESS)
            continue;
        s->decoder[i] = NULL;
        // fails where there is no hardware
        if (backends[i] != NVJPEG_BACKEND_HARDWARE)
            ret = ff_nvjpeg_check(avctx, status, "making a decoder");
    }
    av_log(avctx, AV_LOG_VERBOSE, "Decoding %s\n",
           s->decoder[0] ? "by hardware" : "by CUDA, there is no hardware for it");

    if (ret >= 0)
        ret = CHECK_CU(s->cu->cuEventCreate(&s->reads, CU_EVENT_DISABLE_TIMING));
    s->batch = (s->async_depth + 1) / 2;
    s->slots = av_calloc(s->async_depth, sizeof(*s->slots));
    if (!s->slots)
        ret = AVERROR(ENOMEM);
    for (int i = 0; ret >= 0 && i < s->async_depth; i++)
        ret = create_slot(avctx, &s->slots[i]);
    CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));

    return ret;
}

/** Choose the first backend that takes an image, and do its first part. */
static int decode_host(AVCodecContext *avctx, Slot *slot)
{
    NVJPEGDecContext *s = avctx->priv_data;
    const NVJPEGFunctions *nv = &s->dev->nv;
    const nvjpegHandle_t handle = s->dev->handle;
    nvjpegChromaSubsampling_t css;
    nvjpegStatus_t status;
    int ret;

    status = nv->JpegStreamParse(handle, slot->pkt->data, slot->pkt->size, 0, 0, slot->jpeg);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->JpegStreamGetFrameDimensions(slot->jpeg, &slot->width, &slot->height);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->JpegStreamGetChromaSubsampling(slot->jpeg, &css);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->DecodeParamsSetOutputFormat(slot->params, css == NVJPEG_CSS_GRAY ? NVJPEG_OUTPUT_Y
                                                                                      : NVJPEG_OUTPUT_YUV);
    if (status != NVJPEG_STATUS_SUCCESS)
        return ff_nvjpeg_check(avctx, status, "reading its header");

    ret = av_image_check_size2(slot->width, slot->height, avctx->max_pixels, AV_PIX_FMT_NONE, 0,
                               avctx);
    if (ret < 0)
        return ret;
    slot->sw_format = ff_nvjpeg_pix_fmt(css);
    if (slot->sw_format == AV_PIX_FMT_NONE) {
        av_log(avctx, AV_LOG_ERROR, "JPEGs with this chroma subsampling, or of CMYK, have no format "
               "of CUDA frames; -c:v mjpeg decodes them\n");
        return AVERROR_PATCHWELCOME;
    }

    for (int i = 0; i < NB_BACKENDS; i++) {
        int unsupported = 1;

        if (!s->decoder[i] ||
            nv->DecoderJpegSupported(s->decoder[i], slot->jpeg, slot->params,
                                     &unsupported) != NVJPEG_STATUS_SUCCESS || unsupported)
            continue;

        if (!slot->state[i]) {
            status = nv->DecoderStateCreate(handle, s->decoder[i], &slot->state[i]);
            if (status == NVJPEG_STATUS_SUCCESS)
                status = nv->StateAttachPinnedBuffer(slot->state[i], slot->pinned);
            if (status == NVJPEG_STATUS_SUCCESS)
                status = nv->StateAttachDeviceBuffer(slot->state[i], slot->device);
        }
        if (status == NVJPEG_STATUS_SUCCESS)
            status = nv->DecodeJpegHost(handle, s->decoder[i], slot->state[i], slot->params,
                                        slot->jpeg);
        slot->backend = i;

        return ff_nvjpeg_check(avctx, status, "decoding it on the host");
    }

    return ff_nvjpeg_check(avctx, NVJPEG_STATUS_JPEG_NOT_SUPPORTED, "choosing a decoder");
}

/** See to it that there are frames of an image's size and format. */
static int config_frames(AVCodecContext *avctx, const Slot *slot)
{
    NVJPEGDecContext *s = avctx->priv_data;
    AVHWFramesContext *frames = s->frames_ref ? (AVHWFramesContext *)s->frames_ref->data : NULL;
    int ret;

    if (frames && frames->width == slot->width && frames->height == slot->height &&
        frames->sw_format == slot->sw_format)
        return 0;

    av_buffer_unref(&s->frames_ref);
    s->frames_ref = av_hwframe_ctx_alloc(s->device_ref);
    if (!s->frames_ref)
        return AVERROR(ENOMEM);
    frames = (AVHWFramesContext *)s->frames_ref->data;
    frames->format    = AV_PIX_FMT_CUDA;
    frames->sw_format = slot->sw_format;
    frames->width     = slot->width;
    frames->height    = slot->height;
    ret = av_hwframe_ctx_init(s->frames_ref);
    if (ret < 0) {
        av_buffer_unref(&s->frames_ref);
        return ret;
    }

    return 0;
}

/** Do the second part of an image. */
static int decode_device(AVCodecContext *avctx, Slot *slot)
{
    NVJPEGDecContext *s = avctx->priv_data;
    const NVJPEGFunctions *nv = &s->dev->nv;
    const nvjpegHandle_t handle = s->dev->handle;
    const nvjpegJpegDecoder_t decoder = s->decoder[slot->backend];
    const nvjpegJpegState_t state = slot->state[slot->backend];
    const nvjpegImage_t image = ff_nvjpeg_image(slot->frame);
    nvjpegStatus_t status;
    int ret;

    ret = CHECK_CU(s->cu->cuStreamWaitEvent(slot->stream, s->reads, 0));
    if (ret < 0)
        return ret;
    status = nv->DecodeJpegTransferToDevice(handle, decoder, state, slot->jpeg, slot->stream);
    if (status == NVJPEG_STATUS_SUCCESS)
        status = nv->DecodeJpegDevice(handle, decoder, state, &image, slot->stream);
    ret = ff_nvjpeg_check(avctx, status, "decoding it on the GPU");
    if (ret >= 0)
        ret = CHECK_CU(s->cu->cuEventRecord(slot->done, slot->stream));
    if (ret < 0)
        CHECK_CU(s->cu->cuStreamSynchronize(slot->stream));     // with what it has been given

    return ret;
}

/** Do a part for an image of the batch. */
static int run(AVCodecContext *avctx, int jobnr, int (*part)(AVCodecContext *avctx, Slot *slot))
{
    NVJPEGDecContext *s = avctx->priv_data;
    Slot *slot = get_slot(s, s->queued + jobnr);
    CUcontext dummy;

    if (slot->ret < 0)
        return slot->ret;
    slot->ret = CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx));
    if (slot->ret < 0)
        return slot->ret;
    slot->ret = part(avctx, slot);
    CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));

    return slot->ret;
}

static int run_host(AVCodecContext *avctx, void *arg, int jobnr, int threadnr)
{
    return run(avctx, jobnr, decode_host);
}

static int run_device(AVCodecContext *avctx, void *arg, int jobnr, int threadnr)
{
    return run(avctx, jobnr, decode_device);
}

/** Do the first part of the collected images, and start the second one. */
static void start_batch(AVCodecContext *avctx)
{
    NVJPEGDecContext *s = avctx->priv_data;
    CUcontext dummy;
    int ret, hardware = 1;

    for (int i = 0; i < s->collected; i++)
        get_slot(s, s->queued + i)->ret = 0;
    avctx->execute2(avctx, run_host, NULL, NULL, s->collected);

    for (int i = 0; i < s->collected; i++) {
        Slot *slot = get_slot(s, s->queued + i);

        if (slot->ret < 0)
            continue;
        slot->ret = config_frames(avctx, slot);
        if (slot->ret >= 0)
            slot->ret = av_hwframe_get_buffer(s->frames_ref, slot->frame, 0);
        hardware &= backends[slot->backend] == NVJPEG_BACKEND_HARDWARE;
    }

    // the memory of these frames may be another's that is yet to be read
    ret = CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx));
    if (ret >= 0) {
        ret = CHECK_CU(s->cu->cuEventRecord(s->reads, s->frame_stream));
        CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));
    }
    for (int i = 0; ret < 0 && i < s->collected; i++)
        get_slot(s, s->queued + i)->ret = ret;

    // hardware is only told to begin, and threads are in each other's way there
    if (hardware)
        avcodec_default_execute2(avctx, run_device, NULL, NULL, s->collected);
    else
        avctx->execute2(avctx, run_device, NULL, NULL, s->collected);
    s->queued   += s->collected;
    s->collected = 0;
}

/** nvJPEG does not mind what is missing. An end marker behind the first scan is no thumbnail's. */
static int has_end(const AVPacket *pkt, int scan)
{
    for (int i = pkt->size - 2; i > scan; i--)
        if (AV_RB16(pkt->data + i) == (0xff00 | EOI))
            return 1;
    return 0;
}

static int set_props(AVCodecContext *avctx, AVFrame *frame, const AVPacket *pkt)
{
    const AVHWFramesContext *frames = (AVHWFramesContext *)frame->hw_frames_ctx->data;
    int ret, scan, rgb;

    ret = scan = ff_jpeg_read_markers(avctx, frame, pkt->data, pkt->size, &rgb);
    if (ret < 0) {
        if (ret == AVERROR_INVALIDDATA)
            av_log(avctx, AV_LOG_ERROR, "The JPEG's header is damaged\n");
        return ret;
    }
    if (rgb) {
        av_log(avctx, AV_LOG_ERROR, "JPEGs of RGB samples have no format of CUDA frames; "
               "-c:v mjpeg decodes them\n");
        return AVERROR_PATCHWELCOME;
    }
    if (!has_end(pkt, scan)) {
        av_log(avctx, AV_LOG_ERROR, "The JPEG is truncated\n");
        return AVERROR_INVALIDDATA;
    }

    ret = ff_set_dimensions(avctx, frame->width, frame->height);
    if (ret < 0)
        return ret;
    avctx->sw_pix_fmt = frames->sw_format;

    ret = ff_decode_frame_props(avctx, frame);
    if (ret < 0)
        return ret;
    ret = ff_decode_frame_props_from_pkt(avctx, frame, pkt);
    if (ret < 0)
        return ret;
    frame->pkt_dts   = pkt->dts;
    frame->flags    |= AV_FRAME_FLAG_KEY;
    frame->pict_type = AV_PICTURE_TYPE_I;

    return 0;
}

/** Wait for the next image, and hand it out. */
static int return_image(AVCodecContext *avctx, AVFrame *frame)
{
    NVJPEGDecContext *s = avctx->priv_data;
    Slot *slot = get_slot(s, 0);
    CUcontext dummy;
    int ret = CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx));

    if (ret >= 0) {
        ret = slot->ret;
        if (ret >= 0)
            ret = CHECK_CU(s->cu->cuEventSynchronize(slot->done));
        if (ret < 0)
            free_states(avctx, slot);       // they are in the middle of something
        CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));
    }
    if (ret >= 0)
        ret = set_props(avctx, slot->frame, slot->pkt);
    if (ret >= 0)
        av_frame_move_ref(frame, slot->frame);

    av_frame_unref(slot->frame);
    av_packet_unref(slot->pkt);
    s->first = (s->first + 1) % s->async_depth;
    s->queued--;

    return ret;
}

static int nvjpeg_receive_frame(AVCodecContext *avctx, AVFrame *frame)
{
    NVJPEGDecContext *s = avctx->priv_data;
    int ret;

    while (!s->drain && s->queued + s->batch <= s->async_depth) {
        while (s->collected < s->batch && !s->drain) {
            ret = ff_decode_get_packet(avctx, get_slot(s, s->queued + s->collected)->pkt);
            if (ret == AVERROR_EOF)
                s->drain = 1;
            else if (ret < 0)
                return ret;
            else
                s->collected++;
        }
        start_batch(avctx);
    }

    return s->queued ? return_image(avctx, frame) : AVERROR_EOF;
}

static av_cold void nvjpeg_flush(AVCodecContext *avctx)
{
    NVJPEGDecContext *s = avctx->priv_data;
    CUcontext dummy;

    if (CHECK_CU(s->cu->cuCtxPushCurrent(s->cuda_ctx)) < 0)
        return;
    for (int i = 0; i < s->async_depth; i++) {
        Slot *slot = &s->slots[i];

        CHECK_CU(s->cu->cuStreamSynchronize(slot->stream));
        if (slot->ret < 0)
            free_states(avctx, slot);           // as return_image() would
        slot->ret = 0;
        av_packet_unref(slot->pkt);
        av_frame_unref(slot->frame);
    }
    CHECK_CU(s->cu->cuCtxPopCurrent(&dummy));
    s->queued = s->collected = s->drain = 0;
}

#define OFFSET(x) offsetof(NVJPEGDecContext, x)
#define VD AV_OPT_FLAG_VIDEO_PARAM | AV_OPT_FLAG_DECODING_PARAM
static const AVOption options[] = {
    { "async_depth", "images that are decoded at a time", OFFSET(async_depth), AV_OPT_TYPE_INT,    { .i64 = 8 },    1, 256, VD },
    { "library",     "file of nvJPEG",                    OFFSET(library),     AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0,   VD },
    { NULL },
};

static const AVClass nvjpeg_class = {
    .class_name = "mjpeg_nvjpeg",
    .item_name  = av_default_item_name,
    .option     = options,
    .version    = LIBAVUTIL_VERSION_INT,
};

static const AVCodecHWConfigInternal *const hw_configs[] = {
    &(const AVCodecHWConfigInternal) {
        .public = {
            .pix_fmt     = AV_PIX_FMT_CUDA,
            .methods     = AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX |
                           AV_CODEC_HW_CONFIG_METHOD_INTERNAL,
            .device_type = AV_HWDEVICE_TYPE_CUDA,
        },
    },
    NULL,
};

const FFCodec ff_mjpeg_nvjpeg_decoder = {
    .p.name         = "mjpeg_nvjpeg",
    CODEC_LONG_NAME("nvJPEG JPEG"),
    .p.type         = AVMEDIA_TYPE_VIDEO,
    .p.id           = AV_CODEC_ID_MJPEG,
    .priv_data_size = sizeof(NVJPEGDecContext),
    .init           = nvjpeg_init,
    FF_CODEC_RECEIVE_FRAME_CB(nvjpeg_receive_frame),
    .flush          = nvjpeg_flush,
    .close          = nvjpeg_close,
    .p.capabilities = AV_CODEC_CAP_DELAY | AV_CODEC_CAP_AVOID_PROBING |
                      AV_CODEC_CAP_HARDWARE | AV_CODEC_CAP_SLICE_THREADS,
    .caps_internal  = FF_CODEC_CAP_INIT_CLEANUP | FF_CODEC_CAP_SETS_FRAME_PROPS,
    .p.priv_class   = &nvjpeg_class,
    .p.wrapper_name = "nvjpeg",
    .hw_configs     = hw_configs,
};
