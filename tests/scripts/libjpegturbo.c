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
 * "read FILE" prints what libjpeg, the reader that everybody has, makes of a
 * picture: width, height, components and a newline, then RGB or gray; it does
 * not put up with a warning.
 *
 * "allocate" lets every single allocation made while encoding fail, libjpeg's
 * too; see failing_malloc.h. "allocate-cuda" does so for mjpeg_nvjpeg, with
 * frames in CUDA memory, and "allocate-cuda FILE" for its decoder and that JPEG.
 *
 * "flush FILE" prints how many of eight pictures come out after some, of which one
 * may have failed, were flushed, "two-devices" what the encoder makes of a frame of another device.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "libavcodec/avcodec.h"
#include "libavutil/display.h"
#include "libavutil/frame.h"
#include "libavutil/hwcontext.h"
#include "libavutil/log.h"
#include "libavutil/opt.h"

#include "failing_malloc.h"

/* Noise, which takes more than its planes, with everything that makes markers. */
static AVFrame *picture(int turned)
{
    static const uint8_t tiff[] = "II*\0\10\0\0\0\1\0\2\1\3\0\1\0\0\0\10\0\0\0\0\0\0";
    AVFrame *frame = av_frame_alloc();
    unsigned seed = 1;

    if (!frame)
        return NULL;
    frame->format      = AV_PIX_FMT_YUV420P;
    frame->width       = 167;
    frame->height      = 99;
    frame->color_range = AVCOL_RANGE_JPEG;
    if (av_frame_get_buffer(frame, 0) < 0)
        abort();
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < AV_CEIL_RSHIFT(frame->height, !!i); y++)
            for (int x = 0; x < AV_CEIL_RSHIFT(frame->width, !!i); x++)
                frame->data[i][y * frame->linesize[i] + x] = (seed = seed * 1664525 + 1013904223) >> 31 ? 255 : 0;
    memcpy(av_frame_new_side_data(frame, AV_FRAME_DATA_EXIF, sizeof(tiff))->data, tiff, sizeof(tiff));
    memset(av_frame_new_side_data(frame, AV_FRAME_DATA_ICC_PROFILE, 100000)->data, 7, 100000);
    if (turned)
        av_display_rotation_set((int32_t *)av_frame_new_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX,
                                                                  9 * sizeof(int32_t))->data, 90);
    av_dict_set(&frame->metadata, "xmp", "<x:xmpmeta/>", 0);
    av_dict_set(&frame->metadata, "comment", "a comment", 0);

    return frame;
}

static AVBufferRef *cuda(void)
{
    AVBufferRef *device;

    if (av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_CUDA, NULL, NULL, 0) < 0)
        abort();
    return device;
}

static AVFrame *upload(AVFrame *frame)
{
    AVBufferRef *device = cuda(), *ref = av_hwframe_ctx_alloc(device);
    AVHWFramesContext *frames = (AVHWFramesContext *)ref->data;
    AVFrame *hw = av_frame_alloc();

    frames->format    = AV_PIX_FMT_CUDA;
    frames->sw_format = frame->format;
    frames->width     = frame->width;
    frames->height    = frame->height;
    if (av_hwframe_ctx_init(ref) < 0 || av_hwframe_get_buffer(ref, hw, 0) < 0 ||
        av_hwframe_transfer_data(hw, frame, 0) < 0 || av_frame_copy_props(hw, frame) < 0)
        abort();
    av_buffer_unref(&ref);
    av_buffer_unref(&device);
    av_frame_free(&frame);

    return hw;
}

static int encode(const char *options, const AVFrame *frame)
{
    AVCodecContext *avctx = avcodec_alloc_context3(avcodec_find_encoder_by_name(frame->hw_frames_ctx ? "mjpeg_nvjpeg" :
                                                                                                       "libjpegturbo"));
    AVPacket *pkt = av_packet_alloc();
    int ret;

    avctx->width        = frame->width;
    avctx->height       = frame->height;
    avctx->pix_fmt      = frame->format;
    avctx->color_range  = frame->color_range;
    if (frame->hw_frames_ctx)
        avctx->hw_frames_ctx = av_buffer_ref(frame->hw_frames_ctx);
    avctx->time_base    = (AVRational){ 1, 25 };
    avctx->thread_count = 1;
    ret = av_set_options_string(avctx, options, "=", ":");
    inside = 1;
    if (ret >= 0)
        ret = avcodec_open2(avctx, NULL, NULL);
    // twice, and after a failure again: the encoder has to stay usable
    for (int i = 0; ret >= 0 && i < 2; i++) {
        int failed = avcodec_send_frame(avctx, frame);
        if (failed < 0 && failures)
            ret = avcodec_send_frame(avctx, frame);
        else
            ret = failed;
        if (ret >= 0)
            ret = avcodec_receive_packet(avctx, pkt);
        av_packet_unref(pkt);
        if (ret >= 0 && failed < 0)
            ret = failed;
    }
    inside = 0;
    av_packet_free(&pkt);
    avcodec_free_context(&avctx);

    return ret;
}

typedef struct Encoding {
    const char *options;
    const AVFrame *frame;
} Encoding;

static int run_encoding(void *arg)
{
    const Encoding *e = arg;

    return encode(e->options, e->frame);
}

static int allocate(void)
{
    static const char *const options[] = { "quality=100", "quality=100:progressive=1" };
    int bad = 0;

    av_log_set_level(AV_LOG_QUIET);
    for (int turned = 0; turned < 2; turned++) {
        AVFrame *frame = picture(turned);

        bad |= fail_each(options[turned], 30, 1, run_encoding, &(Encoding){ options[turned], frame });
        av_frame_free(&frame);
    }

    return bad;
}

static int allocate_cuda(void)
{
    AVFrame *frame;
    int bad;

    av_log_set_level(AV_LOG_QUIET);
    frame = upload(picture(1));
    bad   = fail_each("mjpeg_nvjpeg", 10, 1, run_encoding, &(Encoding){ "quality=100", frame });
    av_frame_free(&frame);

    return bad;
}

typedef struct Decoding {
    AVBufferRef *device;
    AVPacket *pkt;
} Decoding;

/* Three pictures. One is lost for a failure, and those behind it come out. */
static int run_decoding(void *arg)
{
    const Decoding *d = arg;
    AVCodecContext *avctx = avcodec_alloc_context3(avcodec_find_decoder_by_name("mjpeg_nvjpeg"));
    AVFrame *frame = av_frame_alloc();
    int ret, first = 0, frames = 0, errors = 0;

    avctx->hw_device_ctx = av_buffer_ref(d->device);
    avctx->thread_count  = 1;
    av_set_options_string(avctx, "async_depth=2", "=", ":");
    inside = 1;
    ret = avcodec_open2(avctx, NULL, NULL);
    if (ret < 0)
        first = ret;
    for (int i = 0; ret >= 0 && i < 4; i++) {
        do {
            ret = avcodec_send_packet(avctx, i < 3 ? d->pkt : NULL);
            if (ret < 0 && ret != AVERROR(EAGAIN)) {
                first = first ? first : ret;
                errors++;
            }
            for (;;) {
                int got = avcodec_receive_frame(avctx, frame);

                frames += got >= 0;
                av_frame_unref(frame);
                if (got == AVERROR(EAGAIN) || got == AVERROR_EOF)
                    break;
                if (got < 0) {
                    first = first ? first : got;
                    if (++errors > 100)
                        abort();        // the same error for ever
                }
            }
        } while (ret == AVERROR(EAGAIN));
        ret = 0;
    }
    inside = 0;
    av_frame_free(&frame);
    avcodec_free_context(&avctx);

    return first ? first : frames == 3 ? 0 : AVERROR_BUG;
}

static AVPacket *read_packet(const char *name)
{
    FILE *file = fopen(name, "rb");
    AVPacket *pkt = av_packet_alloc();

    if (!file || !pkt || av_new_packet(pkt, 200000) < 0)
        abort();
    av_shrink_packet(pkt, fread(pkt->data, 1, pkt->size, file));
    fclose(file);
    return pkt;
}

static int allocate_cuda_decoding(const char *name)
{
    Decoding d = { cuda(), read_packet(name) };
    int bad;

    av_log_set_level(AV_LOG_QUIET);
    bad = fail_each("mjpeg_nvjpeg, decoding", 30, 1, run_decoding, &d);
    av_packet_free(&d.pkt);
    av_buffer_unref(&d.device);

    return bad;
}

static int flush(const char *name)
{
    AVCodecContext *avctx = avcodec_alloc_context3(avcodec_find_decoder_by_name("mjpeg_nvjpeg"));
    AVPacket *pkt = read_packet(name);
    AVFrame *frame = av_frame_alloc();
    int frames = 0, ret;

    av_log_set_level(AV_LOG_QUIET);
    avctx->thread_count = 1;
    if (avcodec_open2(avctx, NULL, NULL) < 0)
        return 1;
    for (int i = 0; i < 8; i++)     // none is taken out: all of them are under way
        avcodec_send_packet(avctx, pkt);
    avcodec_flush_buffers(avctx);
    for (int i = 0; i < 9; i++) {
        avcodec_send_packet(avctx, i < 8 ? pkt : NULL);
        while ((ret = avcodec_receive_frame(avctx, frame)) != AVERROR(EAGAIN) && ret != AVERROR_EOF)
            frames += ret >= 0;
    }
    printf("%d\n", frames);
    av_frame_free(&frame);
    av_packet_free(&pkt);
    avcodec_free_context(&avctx);

    return 0;
}

static int use_two_devices(void)
{
    AVFrame *frames[] = { upload(picture(0)), upload(picture(0)) };
    AVCodecContext *avctx = avcodec_alloc_context3(avcodec_find_encoder_by_name("mjpeg_nvjpeg"));

    avctx->width         = frames[0]->width;
    avctx->height        = frames[0]->height;
    avctx->pix_fmt       = AV_PIX_FMT_CUDA;
    avctx->color_range   = AVCOL_RANGE_JPEG;
    avctx->time_base     = (AVRational){ 1, 25 };
    avctx->hw_frames_ctx = av_buffer_ref(frames[0]->hw_frames_ctx);
    if (avcodec_open2(avctx, NULL, NULL) < 0)
        return 1;
    printf("%s\n", av_err2str(avcodec_send_frame(avctx, frames[1])));
    avcodec_free_context(&avctx);
    for (int i = 0; i < 2; i++)
        av_frame_free(&frames[i]);

    return 0;
}

static int read_picture(const char *name)
{
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr err;
    JSAMPROW row;
    FILE *file = fopen(name, "rb");

    if (!file)
        return 1;
    cinfo.err = jpeg_std_error(&err);
    jpeg_create_decompress(&cinfo);
    jpeg_stdio_src(&cinfo, file);
    jpeg_read_header(&cinfo, TRUE);
    jpeg_start_decompress(&cinfo);
    printf("%d %d %d\n", cinfo.output_width, cinfo.output_height, cinfo.output_components);
    row = malloc((size_t)cinfo.output_width * cinfo.output_components);
    while (cinfo.output_scanline < cinfo.output_height) {
        jpeg_read_scanlines(&cinfo, &row, 1);
        fwrite(row, cinfo.output_components, cinfo.output_width, stdout);
    }
    jpeg_finish_decompress(&cinfo);
    jpeg_destroy_decompress(&cinfo);
    free(row);
    fclose(file);

    return err.num_warnings > 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "allocate"))
        return allocate();
    if (argc == 2 && !strcmp(argv[1], "allocate-cuda"))
        return allocate_cuda();
    if (argc == 3 && !strcmp(argv[1], "allocate-cuda"))
        return allocate_cuda_decoding(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "flush"))
        return flush(argv[2]);
    if (argc == 2 && !strcmp(argv[1], "two-devices"))
        return use_two_devices();
    if (argc == 3 && !strcmp(argv[1], "read"))
        return read_picture(argv[2]);

    return 2;
}
