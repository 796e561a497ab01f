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
 * The one parameter of each kernel of equi2multi_cuda.
 */

#ifndef AVFILTER_EQUI2MULTI_CUDA_H
#define AVFILTER_EQUI2MULTI_CUDA_H

#include "equi2multi_geometry.h"
#include "equi2multi_sample.h"

/** A thread renders a pixel. */
#define EQUI2MULTI_CUDA_BLOCK_W 32
#define EQUI2MULTI_CUDA_BLOCK_H 8

/** Or a block of threads a square tile, if pixels are of few bytes: each thread some rows of a column. */
#define EQUI2MULTI_CUDA_IS_TILED(bytes) ((bytes) <= 2)
#define EQUI2MULTI_CUDA_TILE 32
#define EQUI2MULTI_CUDA_STORED_ROWS 8
#define EQUI2MULTI_CUDA_CONVERTED_ROWS 4
#define EQUI2MULTI_CUDA_BUILT_ROWS 8

/* What fits into the 4 KiB that the parameters of a kernel may take. */
#define EQUI2MULTI_CUDA_MAX_GRIDS 56
#define EQUI2MULTI_CUDA_MAX_VIEWS 62

/** Source positions in device memory, and which views take them. */
typedef struct Equi2MultiCUDAGrid {
    unsigned *u;            ///< w * h; then as many v, then an Equi2MultiExtent of each tile,
                            ///< row by row: the last ones overlap those before them
    int w, h;
    int first, end;         ///< of Equi2MultiCUDALaunch.view
} Equi2MultiCUDAGrid;

/** Planes of a view that are made of one of the panorama. */
typedef struct Equi2MultiCUDAView {
    unsigned char *data[2]; ///< [0]: as it is, or luma; both: U and V
    unsigned *chroma;       ///< U and, 16 bits up, V as sampled, to EQUI2MULTI_WIDE_BITS
    int linesize[2];        ///< bytes
    unsigned shift;         ///< what to add to u (modulo Equi2MultiPlane.turn), rounding included
} Equi2MultiCUDAView;

/** blockIdx.z is the grid. */
typedef struct Equi2MultiCUDALaunch {
    Equi2MultiPlane src;
    int rounding;           ///< what to add to v
    unsigned weights;       ///< all bits of a weight, or none, which makes the nearest sample of it

    /* of views that are converted */
    int first_chroma;       ///< which of U and V comes first, or alone: 0, 1
    int chroma_in_luma;     ///< luma depends on chroma
    int keep_chroma;        ///< in Equi2MultiCUDAView.chroma
    int finish_chroma;      ///< both are there: convert them
    Equi2MultiSiting siting[2]; ///< x, y
    int bytes, step;        ///< of a sample; samples from one to the next
    int low_bits;           ///< unused ones of a sample
    Equi2MultiConversion conversion;

    Equi2MultiCUDAGrid grid[EQUI2MULTI_CUDA_MAX_GRIDS];
    Equi2MultiCUDAView view[EQUI2MULTI_CUDA_MAX_VIEWS];
} Equi2MultiCUDALaunch;

/** Positions to be computed. */
typedef struct Equi2MultiCUDABuild {
    Equi2MultiGridKey key;
    Equi2MultiCUDAGrid grid;
} Equi2MultiCUDABuild;

#endif /* AVFILTER_EQUI2MULTI_CUDA_H */
