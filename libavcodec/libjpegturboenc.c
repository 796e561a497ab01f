/*
 * JPEG encoding by libjpeg-turbo
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
 * JPEG encoder using the libjpeg API of libjpeg-turbo. The planes are read where
 * they are and the packet is written where it stays.
 */

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"

#include "avcodec.h"
#include "codec_internal.h"
#include "encode.h"
#include "jpeg_markers.h"
#include "jpegenc_common.h"

typedef struct LibjpegTurboContext {
    AVClass *class;

    int quality;
    int optimize;
    int progressive;
    int restart_rows;

    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr       err;
    struct jpeg_destination_mgr dest;
    jmp_buf env;            ///< where an error of libjpeg leads
    int     error;          ///< its code

    AVPacket *pkt;          ///< the packet being written
    uint8_t  *strip[3];     ///< an MCU row of planes that are not whole blocks wide
    uint8_t  *markers;
    unsigned  markers_size;
} LibjpegTurboContext;

/* libjpeg wants this not to return. Nothing but its own functions and the
 * callbacks here is ever skipped by the jump. */
static av_noreturn void fail(AVCodecContext *avctx, int error)
{
    LibjpegTurboContext *s = avctx->priv_data;

    s->error = error;
    longjmp(s->env, 1);
}

static void log_message(j_common_ptr cinfo, int level)
{
    char message[JMSG_LENGTH_MAX];

    cinfo->err->format_message(cinfo, message);
    av_log(cinfo->client_data, level, "%s\n", message);
}

static void error_exit(j_common_ptr cinfo)
{
    log_message(cinfo, AV_LOG_ERROR);
    fail(cinfo->client_data,
         cinfo->err->msg_code == JERR_OUT_OF_MEMORY ? AVERROR(ENOMEM) : AVERROR_EXTERNAL);
}

static void emit_message(j_common_ptr cinfo, int level)
{
    if (level < 0)
        log_message(cinfo, AV_LOG_WARNING);
}

static void init_destination(j_compress_ptr cinfo)
{
    AVCodecContext  *avctx = cinfo->client_data;
    LibjpegTurboContext *s = avctx->priv_data;

    s->dest.next_output_byte = s->pkt->data;
    s->dest.free_in_buffer   = s->pkt->size;
}

/* The packet is full: one of twice its size takes its place. */
static boolean empty_output_buffer(j_compress_ptr cinfo)
{
    AVCodecContext  *avctx = cinfo->client_data;
    LibjpegTurboContext *s = avctx->priv_data;
    AVPacket    *const pkt = s->pkt;
    AVBufferRef       *buf = pkt->buf;
    const uint8_t    *data = pkt->data;
    const int         size = pkt->size;
    int ret;

    pkt->buf  = NULL;
    pkt->data = NULL;
    ret = ff_get_encode_buffer(avctx, pkt, 2 * (int64_t)size, 0);
    if (ret >= 0)
        memcpy(pkt->data, data, size);
    av_buffer_unref(&buf);
    if (ret < 0)
        fail(avctx, ret);

    s->dest.next_output_byte = pkt->data + size;
    s->dest.free_in_buffer   = pkt->size - size;

    return TRUE;
}

static void term_destination(j_compress_ptr cinfo)
{
}

static void put_planes(LibjpegTurboContext *s, const AVFrame *frame)
{
    struct jpeg_compress_struct *const cinfo = &s->cinfo;
    JSAMPROW   rows[3][2 * DCTSIZE];
    JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };

    for (int mcu_row = 0; cinfo->next_scanline < cinfo->image_height; mcu_row++) {
        for (int i = 0; i < cinfo->num_components; i++) {
            const jpeg_component_info *comp = &cinfo->comp_info[i];
            const int width  = comp->downsampled_width;
            const int padded = FFALIGN(width, DCTSIZE);
            const int lines  = comp->v_samp_factor * DCTSIZE;
            const int first  = mcu_row * lines;
            const int left   = FFMIN(comp->downsampled_height - first, lines);

            for (int y = 0; y < left; y++) {
                uint8_t *row = frame->data[i] + (first + y) * (ptrdiff_t)frame->linesize[i];

                if (s->strip[i]) {
                    uint8_t *dst = s->strip[i] + y * (ptrdiff_t)padded;

                    memcpy(dst, row, width);
                    memset(dst + width, row[width - 1], padded - width);
                    row = dst;
                }
                rows[i][y] = row;
            }
            for (int y = left; y < lines; y++)
                rows[i][y] = rows[i][left - 1];
        }
        jpeg_write_raw_data(cinfo, planes, cinfo->max_v_samp_factor * DCTSIZE);
    }
}

static int compress(LibjpegTurboContext *s, const AVFrame *frame, int markers_size)
{
    if (setjmp(s->env)) {
        jpeg_abort_compress(&s->cinfo);
        return s->error;
    }

    jpeg_start_compress(&s->cinfo, TRUE);       // SOI and JFIF's APP0
    if (markers_size) {
        memcpy(s->dest.next_output_byte, s->markers, markers_size);
        s->dest.next_output_byte += markers_size;
        s->dest.free_in_buffer   -= markers_size;
    }
    put_planes(s, frame);
    jpeg_finish_compress(&s->cinfo);

    return 0;
}

static int libjpegturbo_encode(AVCodecContext *avctx, AVPacket *pkt,
                               const AVFrame *frame, int *got_packet)
{
    LibjpegTurboContext *s = avctx->priv_data;
    int ret, markers_size;

    if (frame->width != avctx->width || frame->height != avctx->height ||
        frame->format != avctx->pix_fmt) {
        av_log(avctx, AV_LOG_ERROR, "The size or pixel format of the frames has changed\n");
        return AVERROR(EINVAL);
    }

    markers_size = ff_jpeg_markers(avctx, frame, &s->markers, &s->markers_size);
    if (markers_size < 0)
        return markers_size;

    // more than the planes take is rare and provided for
    ret = av_image_get_buffer_size(avctx->pix_fmt, avctx->width, avctx->height, 1);
    if (ret >= 0)
        ret = ff_get_encode_buffer(avctx, pkt, (int64_t)ret + markers_size + FF_INPUT_BUFFER_MIN_SIZE, 0);
    if (ret < 0)
        return ret;

    s->pkt = pkt;
    ret = compress(s, frame, markers_size);
    if (ret < 0)
        return ret;
    av_shrink_packet(pkt, pkt->size - s->dest.free_in_buffer);

    *got_packet = 1;

    return 0;
}

static int create(AVCodecContext *avctx, int quality)
{
    LibjpegTurboContext *s = avctx->priv_data;
    struct jpeg_compress_struct *const cinfo = &s->cinfo;
    const AVRational sar = avctx->sample_aspect_ratio;
    int h_shift, v_shift, x, y;

    cinfo->client_data    = avctx;
    cinfo->err            = jpeg_std_error(&s->err);
    s->err.error_exit     = error_exit;
    s->err.emit_message   = emit_message;
    if (setjmp(s->env))
        return s->error;

    jpeg_create_compress(cinfo);
    cinfo->dest                 = &s->dest;
    s->dest.init_destination    = init_destination;
    s->dest.empty_output_buffer = empty_output_buffer;
    s->dest.term_destination    = term_destination;

    cinfo->image_width      = avctx->width;
    cinfo->image_height     = avctx->height;
    cinfo->input_components = avctx->pix_fmt == AV_PIX_FMT_GRAY8 ? 1 : 3;
    cinfo->in_color_space   = avctx->pix_fmt == AV_PIX_FMT_GRAY8 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    cinfo->raw_data_in = TRUE;
    av_pix_fmt_get_chroma_sub_sample(avctx->pix_fmt, &h_shift, &v_shift);
    cinfo->comp_info[0].h_samp_factor = 1 << h_shift;
    cinfo->comp_info[0].v_samp_factor = 1 << v_shift;

    cinfo->optimize_coding = s->optimize;
    cinfo->restart_in_rows = s->restart_rows;
    if (s->progressive)
        jpeg_simple_progression(cinfo);

    if (sar.num > 0 && sar.den > 0) {
        av_reduce(&x, &y, sar.num, sar.den, UINT16_MAX);
        cinfo->X_density = FFMAX(x, 1);
        cinfo->Y_density = FFMAX(y, 1);
    }

    return 0;
}

static av_cold int libjpegturbo_init(AVCodecContext *avctx)
{
    LibjpegTurboContext *s = avctx->priv_data;
    const int quality = ff_jpegenc_init(avctx, avctx->pix_fmt, s->quality);
    int h_shift, v_shift;

    if (quality < 0)
        return quality;
    av_log(avctx, AV_LOG_VERBOSE, "libjpeg-turbo %s\n", AV_STRINGIFY(LIBJPEG_TURBO_VERSION));

    av_pix_fmt_get_chroma_sub_sample(avctx->pix_fmt, &h_shift, &v_shift);
    for (int i = 0; i < av_pix_fmt_count_planes(avctx->pix_fmt); i++) {
        const int width = i ? AV_CEIL_RSHIFT(avctx->width, h_shift) : avctx->width;

        if (width % DCTSIZE) {
            s->strip[i] = av_malloc_array(FFALIGN(width, DCTSIZE), DCTSIZE << (i ? 0 : v_shift));
            if (!s->strip[i])
                return AVERROR(ENOMEM);
        }
    }

    return create(avctx, quality);
}

static av_cold int libjpegturbo_close(AVCodecContext *avctx)
{
    LibjpegTurboContext *s = avctx->priv_data;

    jpeg_destroy_compress(&s->cinfo);
    for (int i = 0; i < FF_ARRAY_ELEMS(s->strip); i++)
        av_freep(&s->strip[i]);
    av_freep(&s->markers);

    return 0;
}

#define OFFSET(x) offsetof(LibjpegTurboContext, x)
#define VE AV_OPT_FLAG_VIDEO_PARAM | AV_OPT_FLAG_ENCODING_PARAM
static const AVOption options[] = {
    JPEGENC_QUALITY_OPTION(OFFSET(quality), VE),
    { "optimize",     "compute optimal Huffman tables",             OFFSET(optimize),     AV_OPT_TYPE_BOOL, { .i64 = 0 }, 0, 1,     VE },
    { "progressive",  "write progressive JPEG",                     OFFSET(progressive),  AV_OPT_TYPE_BOOL, { .i64 = 0 }, 0, 1,     VE },
    { "restart_rows", "MCU rows between restart markers, 0 = none", OFFSET(restart_rows), AV_OPT_TYPE_INT,  { .i64 = 0 }, 0, 65535, VE },
    { NULL },
};

static const AVClass libjpegturbo_class = {
    .class_name = "libjpegturbo",
    .item_name  = av_default_item_name,
    .option     = options,
    .version    = LIBAVUTIL_VERSION_INT,
};

const FFCodec ff_libjpegturbo_encoder = {
    .p.name         = "libjpegturbo",
    CODEC_LONG_NAME("libjpeg-turbo JPEG"),
    .p.type         = AVMEDIA_TYPE_VIDEO,
    .p.id           = AV_CODEC_ID_MJPEG,
    .priv_data_size = sizeof(LibjpegTurboContext),
    .init           = libjpegturbo_init,
    FF_CODEC_ENCODE_CB(libjpegturbo_encode),
    .close          = libjpegturbo_close,
    .p.capabilities = AV_CODEC_CAP_DR1 | AV_CODEC_CAP_FRAME_THREADS |
                      AV_CODEC_CAP_ENCODER_REORDERED_OPAQUE,
    .caps_internal  = FF_CODEC_CAP_INIT_CLEANUP | FF_CODEC_CAP_ICC_PROFILES,
    CODEC_PIXFMTS(AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUVJ444P,
                  AV_PIX_FMT_YUV420P,  AV_PIX_FMT_YUV422P,  AV_PIX_FMT_YUV440P,  AV_PIX_FMT_YUV444P,
                  AV_PIX_FMT_GRAY8),
    .color_ranges   = AVCOL_RANGE_JPEG,
    .p.priv_class   = &libjpegturbo_class,
    .p.wrapper_name = "libjpegturbo",
    .defaults       = ff_jpegenc_defaults,
    .get_supported_config = ff_jpegenc_get_supported_config,
};
