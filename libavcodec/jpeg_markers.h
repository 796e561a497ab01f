/*
 * JPEG segments made from the properties of a frame, and the other way round
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

#ifndef AVCODEC_JPEG_MARKERS_H
#define AVCODEC_JPEG_MARKERS_H

#include <stdint.h>

#include "libavutil/frame.h"
#include "avcodec.h"

/**
 * Write what a frame carries besides its pixels as JPEG segments: EXIF and XMP
 * (APP1), ICC profile (APP2, as many as it takes) and comment (COM), in this
 * order. They are complete and belong behind SOI and, if there is one, JFIF's
 * APP0.
 *
 * EXIF comes from AV_FRAME_DATA_EXIF, with the orientation that
 * AV_FRAME_DATA_DISPLAYMATRIX says, the profile from AV_FRAME_DATA_ICC_PROFILE,
 * XMP and comment from the metadata keys "xmp" and "comment". What is too large
 * for JPEG is left out with a warning; with a profile that is, it is an error,
 * as the colors depend on it.
 *
 * @param buf      buffer for the segments, reallocated as needed; av_freep() it
 * @param buf_size its allocated size, initially 0
 * @return number of bytes written, 0 if there is nothing to write, negative on
 *         error
 */
int ff_jpeg_markers(void *logctx, const AVFrame *frame,
                    uint8_t **buf, unsigned *buf_size);

/**
 * Give a frame the properties that a JPEG's segments describe, as the native
 * decoder does: EXIF and ICC profile as side data, and the sample aspect ratio.
 *
 * @param rgb  set to whether the samples are RGB
 * @return offset of the first scan's marker (SOS), negative on error
 */
int ff_jpeg_read_markers(AVCodecContext *avctx, AVFrame *frame,
                         const uint8_t *buf, int size, int *rgb);

#endif /* AVCODEC_JPEG_MARKERS_H */
