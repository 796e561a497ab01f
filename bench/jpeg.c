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
 * What scripts/bench builds for "jpeg": planes in memory -> JPEG in memory, one
 * thread, by libjpeg's own calls and by encoders of libavcodec.
 *
 * jpeg FILE SIZE ROUNDS ENCODER...: FILE holds planes of SIZE x SIZE, 4:2:0. An
 * ENCODER is "libjpeg" for quality 95 by its API, or one of libavcodec's with its
 * options, "mjpeg:huffman=default". Encoders take turns within a round. Prints
 * "time ENCODER SECONDS BYTES", of the CPU and for all pictures, in each round,
 * at last "psnr ENCODER Y U V ALL", as libavcodec's decoder sees them.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

#include "libavcodec/avcodec.h"
#include "libavutil/imgutils.h"
#include "libavutil/opt.h"

static AVFrame **frames;
static int nb_frames, size;
static AVPacket **packets;      ///< what the last one made of them
static int64_t pts;

static void *check(void *pointer)
{
    if (!pointer)
        abort();
    return pointer;
}

static void require(int ret, const char *what)
{
    if (ret < 0) {
        fprintf(stderr, "jpeg: %s: %s\n", what, av_err2str(ret));
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Objects are made once, as an encoder's are; libjpeg's memory is kept, too. */
static struct jpeg_compress_struct cinfo;
static struct jpeg_error_mgr err;
static uint8_t *memory;
static unsigned long memory_size;

static void create_libjpeg(void)
{
    memory_size = 3 * size * size;
    memory = check(malloc(memory_size));
    cinfo.err = jpeg_std_error(&err);
    jpeg_create_compress(&cinfo);
    cinfo.image_width      = cinfo.image_height = size;
    cinfo.input_components = 3;
    cinfo.in_color_space   = JCS_YCbCr;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, 95, TRUE);
    cinfo.raw_data_in = TRUE;
}

/* Not inlined, for callgrind to tell them apart. */
av_noinline static void encode_libjpeg(const AVFrame *frame, uint8_t **data, unsigned long *bytes)
{
    JSAMPROW   rows[3][16];
    JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };

    *data  = memory;
    *bytes = memory_size;
    jpeg_mem_dest(&cinfo, data, bytes);
    jpeg_start_compress(&cinfo, TRUE);
    while (cinfo.next_scanline < cinfo.image_height) {
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < (i ? 8 : 16); y++)
                rows[i][y] = frame->data[i] + (cinfo.next_scanline / (i ? 2 : 1) + y) * (ptrdiff_t)frame->linesize[i];
        jpeg_write_raw_data(&cinfo, planes, 16);
    }
    jpeg_finish_compress(&cinfo);
}

av_noinline static void encode_libavcodec(AVCodecContext *avctx, const AVFrame *frame, AVPacket *packet)
{
    require(avcodec_send_frame(avctx, frame), "encode");
    require(avcodec_receive_packet(avctx, packet), "encode");
}

static AVCodecContext *open_encoder(const char *name)
{
    char *codec = check(strdup(name)), *options = strchr(codec, ':');
    AVCodecContext *avctx;

    if (options)
        *options++ = 0;
    avctx = check(avcodec_alloc_context3(check((void *)avcodec_find_encoder_by_name(codec))));
    avctx->width        = avctx->height = size;
    avctx->pix_fmt      = AV_PIX_FMT_YUVJ420P;
    avctx->color_range  = AVCOL_RANGE_JPEG;
    avctx->time_base    = (AVRational){ 1, 25 };
    avctx->thread_count = 1;
    if (options)
        require(av_set_options_string(avctx, options, "=", ":"), name);
    require(avcodec_open2(avctx, NULL, NULL), name);
    free(codec);

    return avctx;
}

/* A packet is given back before the next is made, as by a muxer that has written it. */
static void encode(const char *name, AVCodecContext *avctx, int keep)
{
    double took = seconds();
    size_t total = 0;

    for (int i = 0; i < nb_frames; i++) {
        uint8_t *data;
        unsigned long bytes;

        if (avctx) {
            frames[i]->pts = ++pts;
            frames[i]->quality = avctx->global_quality;
            encode_libavcodec(avctx, frames[i], packets[i]);
            total += packets[i]->size;
            if (!keep)
                av_packet_unref(packets[i]);
        } else {
            encode_libjpeg(frames[i], &data, &bytes);
            total += bytes;
            if (keep) {
                require(av_new_packet(packets[i], bytes), name);
                memcpy(packets[i]->data, data, bytes);
            }
        }
    }
    took = seconds() - took;
    if (!keep)
        printf("time %s %.6f %zu\n", name, took, total);
}

static void compare(const char *name)
{
    AVCodecContext *avctx = check(avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG)));
    AVFrame *frame = check(av_frame_alloc());
    double squares[3] = { 0 }, samples = (double)nb_frames * size * size;

    avctx->thread_count = 1;
    require(avcodec_open2(avctx, NULL, NULL), "decode");
    for (int n = 0; n < nb_frames; n++) {
        require(avcodec_send_packet(avctx, packets[n]), "decode");
        require(avcodec_receive_frame(avctx, frame), "decode");
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < size >> !!i; y++)
                for (int x = 0; x < size >> !!i; x++) {
                    int d = frame->data[i][y * frame->linesize[i] + x] - frames[n]->data[i][y * frames[n]->linesize[i] + x];
                    squares[i] += d * d;
                }
        av_packet_unref(packets[n]);
    }
    printf("psnr %s", name);
    for (int i = 0; i < 3; i++)
        printf(" %.3f", 10 * log10(255 * 255 * (i ? samples / 4 : samples) / squares[i]));
    printf(" %.3f\n", 10 * log10(255 * 255 * 1.5 * samples / (squares[0] + squares[1] + squares[2])));
    av_frame_free(&frame);
    avcodec_free_context(&avctx);
}

int main(int argc, char **argv)
{
    AVCodecContext *encoders[8] = { NULL };
    FILE *file;
    int rounds;

    if (argc < 5 || argc > 12 || !(file = fopen(argv[1], "rb")))
        return 2;
    size   = atoi(argv[2]);
    rounds = atoi(argv[3]);
    argc  -= 4;
    argv  += 4;
    for (int more = 1; more; ) {
        AVFrame *frame = check(av_frame_alloc());

        frame->width       = frame->height = size;
        frame->format      = AV_PIX_FMT_YUVJ420P;
        frame->color_range = AVCOL_RANGE_JPEG;
        require(av_frame_get_buffer(frame, 0), "frame");
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < size >> !!i; y++)
                more &= fread(frame->data[i] + y * frame->linesize[i], size >> !!i, 1, file);
        if (more) {
            frames  = check(realloc(frames,  (nb_frames + 1) * sizeof(*frames)));
            packets = check(realloc(packets, (nb_frames + 1) * sizeof(*packets)));
            packets[nb_frames]  = check(av_packet_alloc());
            frames[nb_frames++] = frame;
        } else {
            av_frame_free(&frame);
        }
    }

    create_libjpeg();
    for (int e = 0; e < argc; e++)
        if (strcmp(argv[e], "libjpeg"))
            encoders[e] = open_encoder(argv[e]);
    for (int round = 0; round < rounds; round++)
        for (int e = 0; e < argc; e++)
            encode(argv[(e + round) % argc], encoders[(e + round) % argc], 0);
    for (int e = 0; e < argc; e++) {
        encode(argv[e], encoders[e], 1);
        compare(argv[e]);
    }

    return 0;
}
