/*
 * What JPEG encoders on libraries have in common
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

#ifndef AVCODEC_JPEGENC_COMMON_H
#define AVCODEC_JPEGENC_COMMON_H

#include "avcodec.h"
#include "codec_internal.h"

/** Option "quality"; x is the offset of an int. */
#define JPEGENC_QUALITY_OPTION(x, flags)                                                          \
    { "quality", "quality on libjpeg's scale of 1 to 100; 95 unless -q:v is given", x, AV_OPT_TYPE_INT, { .i64 = -1 }, -1, 100, flags }

/** So that -q:v can be told from its default. */
extern const FFCodecDefault ff_jpegenc_defaults[];

/**
 * Check size and colors against what readers of JPEG take, and find the quality.
 *
 * @param pix_fmt  that of the samples, also where frames are a device's
 * @param quality  option "quality"
 * @return quality, 1 to 100, or a negative AVERROR
 */
int ff_jpegenc_init(AVCodecContext *avctx, enum AVPixelFormat pix_fmt, int quality);

/** FFCodec.get_supported_config: what readers of JPEG assume, so that it is converted to. */
int ff_jpegenc_get_supported_config(const AVCodecContext *avctx, const AVCodec *codec,
                                    enum AVCodecConfig config, unsigned flags,
                                    const void **out, int *out_num);

#endif /* AVCODEC_JPEGENC_COMMON_H */
