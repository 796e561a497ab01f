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
 * Download CUDA frames into page-locked memory, which the GPU writes to at the
 * full speed of the bus. hwdownload's is pageable: the driver has to copy.
 */

#include "libavutil/attributes.h"
#include "libavutil/buffer.h"
#include "libavutil/cuda_check.h"
#include "libavutil/hwcontext.h"
#include "libavutil/hwcontext_cuda_internal.h"
#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"
#include "avfilter.h"
#include "filters.h"
#include "formats.h"
#include "video.h"

#define ALIGNMENT 64    ///< of lines, and room to read past the last one

// not in the table of ffnvcodec
typedef CUresult CUDAAPI tcuMemHostAlloc(void **ptr, size_t size, unsigned int flags);
typedef CUresult CUDAAPI tcuMemFreeHost(void *ptr);

typedef struct HWDownloadCUDAContext {
    const AVClass *class;
    AVBufferPool *pool;
} HWDownloadCUDAContext;

/** What the buffers need, which outlive the filter. */
typedef struct PinnedMemory {
    AVBufferRef *device_ref;
    AVCUDADeviceContext *hwctx;     ///< of device_ref
    tcuMemHostAlloc *cuMemHostAlloc;
    tcuMemFreeHost *cuMemFreeHost;
} PinnedMemory;

#define CHECK_CU(x) FF_CUDA_CHECK_DL(mem->device_ref->data, mem->hwctx->internal->cuda_dl, x)

static void pinned_free(void *opaque, uint8_t *data)
{
    const PinnedMemory *mem = opaque;
    CudaFunctions *cu = mem->hwctx->internal->cuda_dl;
    CUcontext dummy;

    if (CHECK_CU(cu->cuCtxPushCurrent(mem->hwctx->cuda_ctx)) < 0)
        return;
    CHECK_CU(mem->cuMemFreeHost(data));
    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
}

static AVBufferRef *pinned_alloc(void *opaque, size_t size)
{
    const PinnedMemory *mem = opaque;
    CudaFunctions *cu = mem->hwctx->internal->cuda_dl;
    AVBufferRef *buf = NULL;
    CUcontext dummy;
    void *data;

    if (CHECK_CU(cu->cuCtxPushCurrent(mem->hwctx->cuda_ctx)) < 0)
        return NULL;
    if (CHECK_CU(mem->cuMemHostAlloc(&data, size, 0)) >= 0) {
        buf = av_buffer_create(data, size, pinned_free, opaque, 0);
        if (!buf)
            CHECK_CU(mem->cuMemFreeHost(data));
    }
    CHECK_CU(cu->cuCtxPopCurrent(&dummy));
    return buf;
}

static void pool_free(void *opaque)
{
    PinnedMemory *mem = opaque;

    av_buffer_unref(&mem->device_ref);
    av_free(mem);
}

static int init_pool(AVFilterContext *ctx, const AVHWFramesContext *frames, size_t size)
{
    HWDownloadCUDAContext *s = ctx->priv;
    PinnedMemory *mem = av_mallocz(sizeof(*mem));
    CudaFunctions *cu;

    if (!mem)
        return AVERROR(ENOMEM);
    mem->device_ref = av_buffer_ref(frames->device_ref);
    if (!mem->device_ref) {
        pool_free(mem);
        return AVERROR(ENOMEM);
    }
    mem->hwctx = frames->device_ctx->hwctx;
    cu = mem->hwctx->internal->cuda_dl;
    mem->cuMemHostAlloc = (tcuMemHostAlloc *)FFNV_SYM_FUNC(cu->lib, "cuMemHostAlloc");
    mem->cuMemFreeHost  = (tcuMemFreeHost  *)FFNV_SYM_FUNC(cu->lib, "cuMemFreeHost");
    if (!mem->cuMemHostAlloc || !mem->cuMemFreeHost) {
        av_log(ctx, AV_LOG_ERROR, "The driver has no page-locked memory; use hwdownload\n");
        pool_free(mem);
        return AVERROR(ENOSYS);
    }

    s->pool = av_buffer_pool_init2(size, mem, pinned_alloc, pool_free);
    if (!s->pool) {
        pool_free(mem);
        return AVERROR(ENOMEM);
    }
    return 0;
}

static int config_output(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    HWDownloadCUDAContext *s = ctx->priv;
    const FilterLink *l = ff_filter_link(ctx->inputs[0]);
    const AVHWFramesContext *frames;
    int size;

    if (!l->hw_frames_ctx) {
        av_log(ctx, AV_LOG_ERROR, "The input has no CUDA frames context\n");
        return AVERROR(EINVAL);
    }
    frames = (AVHWFramesContext *)l->hw_frames_ctx->data;
    if (outlink->format != frames->sw_format) {
        av_log(ctx, AV_LOG_ERROR, "The frames are %s, not %s: put format=%s after this filter\n",
               av_get_pix_fmt_name(frames->sw_format), av_get_pix_fmt_name(outlink->format),
               av_get_pix_fmt_name(frames->sw_format));
        return AVERROR(EINVAL);
    }

    size = av_image_get_buffer_size(outlink->format, frames->width, frames->height, ALIGNMENT);
    if (size < 0)
        return size;
    av_buffer_pool_uninit(&s->pool);
    return init_pool(ctx, frames, size + ALIGNMENT);
}

static int filter_frame(AVFilterLink *inlink, AVFrame *in)
{
    AVFilterContext *ctx = inlink->dst;
    AVFilterLink *outlink = ctx->outputs[0];
    HWDownloadCUDAContext *s = ctx->priv;
    const FilterLink *l = ff_filter_link(inlink);
    AVFrame *out = NULL;
    int ret;

    if (!in->hw_frames_ctx || in->hw_frames_ctx->data != l->hw_frames_ctx->data ||
        in->width != outlink->w || in->height != outlink->h) {
        av_log(ctx, AV_LOG_ERROR, "The frames changed without a new graph\n");
        ret = AVERROR(EINVAL);
        goto fail;
    }

    out = av_frame_alloc();
    if (!out) {
        ret = AVERROR(ENOMEM);
        goto fail;
    }
    out->buf[0] = av_buffer_pool_get(s->pool);
    if (!out->buf[0]) {
        av_log(ctx, AV_LOG_ERROR, "Out of page-locked memory for a frame of %dx%d\n",
               in->width, in->height);
        ret = AVERROR(ENOMEM);
        goto fail;
    }
    out->format = outlink->format;
    out->width  = in->width;
    out->height = in->height;
    ret = av_image_fill_arrays(out->data, out->linesize, out->buf[0]->data,
                               out->format, out->width, out->height, ALIGNMENT);
    if (ret < 0)
        goto fail;

    ret = av_hwframe_transfer_data(out, in, 0);
    if (ret < 0) {
        av_log(ctx, AV_LOG_ERROR, "Failed to download a frame\n");
        goto fail;
    }
    ret = av_frame_copy_props(out, in);
    if (ret < 0)
        goto fail;

    av_frame_free(&in);
    return ff_filter_frame(outlink, out);

fail:
    av_frame_free(&in);
    av_frame_free(&out);
    return ret;
}

static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                         AVFilterFormatsConfig **cfg_out)
{
    int ret = ff_formats_ref(ff_make_formats_list_singleton(AV_PIX_FMT_CUDA), &cfg_in[0]->formats);
    if (ret < 0)
        return ret;
    return ff_formats_ref(ff_formats_pixdesc_filter(0, AV_PIX_FMT_FLAG_HWACCEL), &cfg_out[0]->formats);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    HWDownloadCUDAContext *s = ctx->priv;

    av_buffer_pool_uninit(&s->pool);
}

static const AVClass hwdownload_cuda_class = {
    .class_name = "hwdownload_cuda",
    .item_name  = av_default_item_name,
    .version    = LIBAVUTIL_VERSION_INT,
};

static const AVFilterPad inputs[] = {
    {
        .name         = "default",
        .type         = AVMEDIA_TYPE_VIDEO,
        .filter_frame = filter_frame,
    },
};

static const AVFilterPad outputs[] = {
    {
        .name         = "default",
        .type         = AVMEDIA_TYPE_VIDEO,
        .config_props = config_output,
    },
};

const FFFilter ff_vf_hwdownload_cuda = {
    .p.name         = "hwdownload_cuda",
    .p.description  = NULL_IF_CONFIG_SMALL("Download CUDA frames into page-locked memory."),
    .p.priv_class   = &hwdownload_cuda_class,
    .priv_size      = sizeof(HWDownloadCUDAContext),
    .uninit         = uninit,
    FILTER_INPUTS(inputs),
    FILTER_OUTPUTS(outputs),
    FILTER_QUERY_FUNC2(query_formats),
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
};
