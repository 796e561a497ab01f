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
 * The one parameter of the kernels of equi2multi_cuda.
 */

#ifndef AVFILTER_EQUI2MULTI_CUDA_H
#define AVFILTER_EQUI2MULTI_CUDA_H

#include "equi2multi_sample.h"

#define EQUI2MULTI_CUDA_BLOCK_W 32
#define EQUI2MULTI_CUDA_BLOCK_H 8

/**
 * Linear interpolation of pixels of so few bytes goes by square tiles, each of
 * which a block of EQUI2MULTI_CUDA_TILE * EQUI2MULTI_CUDA_TILE_THREADS_Y renders.
 */
#define EQUI2MULTI_CUDA_TILED_BYTES 2
#define EQUI2MULTI_CUDA_TILE 32
#define EQUI2MULTI_CUDA_TILE_THREADS_Y 4

/* What fits into the 4 KiB that the parameters of a kernel may take. */
#define EQUI2MULTI_CUDA_MAX_GRIDS 50
#define EQUI2MULTI_CUDA_MAX_VIEWS 128

/** Source positions in device memory, and which views take them. */
typedef struct Equi2MultiCUDAGrid {
    const unsigned *u;      ///< see equi2multi_grid_row(); so is v
    const int *v;
    const Equi2MultiExtent *tile; ///< row by row; the last ones overlap those before them
    int w, h;
    int first, end;         ///< of Equi2MultiCUDALaunch.view
} Equi2MultiCUDAGrid;

/** A plane of a view. */
typedef struct Equi2MultiCUDAView {
    unsigned char *data;
    int linesize;           ///< bytes
    unsigned shift;         ///< what to add to u (modulo Equi2MultiPlane.wrap), rounding included
} Equi2MultiCUDAView;

/** blockIdx.z is the grid. */
typedef struct Equi2MultiCUDALaunch {
    Equi2MultiPlane src;
    Equi2MultiCUDAGrid grid[EQUI2MULTI_CUDA_MAX_GRIDS];
    Equi2MultiCUDAView view[EQUI2MULTI_CUDA_MAX_VIEWS];
} Equi2MultiCUDALaunch;

#endif /* AVFILTER_EQUI2MULTI_CUDA_H */
