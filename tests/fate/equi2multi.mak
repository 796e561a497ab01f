# equi2multi: every view of a graph is a stream of one framecrc reference.
# The references are exact: every compiler, CPU and number of threads, and
# every backend, makes the same bits.

FATE_EQUI2MULTI-$(CONFIG_EQUI2MULTI_FILTER) += fate-equi2multi-geometry
fate-equi2multi-geometry: libavfilter/tests/equi2multi$(EXESUF)
fate-equi2multi-geometry: CMD = run libavfilter/tests/equi2multi$(EXESUF)

EQUI2MULTI_SRC = testsrc2=size=256x128:rate=25:duration=0.08
EQUI2MULTI     = framecrc -flags bitexact -lavfi

FATE_EQUI2MULTI_PRESETS = ring8 dome16 cardinal4 cube6 ring12 dense17 tiles8 colmap12 nerf8 nerf14 lens10 lens18
FATE_EQUI2MULTI_TESTSRC2 += $(FATE_EQUI2MULTI_PRESETS:%=fate-equi2multi-rig-%)
fate-equi2multi-rig-%: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=$(@:fate-equi2multi-rig-%=%):w=96:h=64

# options
FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-fov fate-equi2multi-turned fate-equi2multi-convention
fate-equi2multi-fov:        CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=cube6:w=96:h=64:h_fov=100:v_fov=40
fate-equi2multi-turned:     CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=w=64:yaw=-100:pitch=33:roll=7
fate-equi2multi-convention: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=w=64:yaw=-100:pitch=-33:roll=-7:convention=360toolkit
fate-equi2multi-convention: REF = $(SRC_PATH)/tests/ref/fate/equi2multi-turned

# the convention is for angles that a user writes, not for presets
FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-convention-preset
fate-equi2multi-convention-preset: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=colmap12:w=96:h=64:convention=360toolkit
fate-equi2multi-convention-preset: REF = $(SRC_PATH)/tests/ref/fate/equi2multi-rig-colmap12

# a part of a frame, an eye, a part of the sphere: what comes before the filter, and its options
EQUI2MULTI_CELLS = crop crop-size sbs-left sbs-right tb-right tile strip cap cap-jpeg
EQUI2MULTI_FROM-crop      = ,crop=128:64:32:62
EQUI2MULTI_CELL-crop      = yaw=77
EQUI2MULTI_FROM-crop-size = ,crop=102:100:154:28
EQUI2MULTI_CELL-crop-size = pitch=50:in_stereo=tb
EQUI2MULTI_CELL-sbs-left  = in_stereo=sbs
EQUI2MULTI_CELL-sbs-right = in_stereo=sbs:eye=right:yaw=77
EQUI2MULTI_CELL-tb-right  = in_stereo=tb:eye=right:pitch=-30
EQUI2MULTI_CELL-tile      = sphere=600x300+129+40:yaw=100
EQUI2MULTI_CELL-strip     = sphere=256x300+0+81:roll=20
EQUI2MULTI_CELL-cap       = sphere=256x171+0+0:yaw=30
EQUI2MULTI_CELL-cap-jpeg  = sphere=257x171+1+43:yaw=30$(EQUI2MULTI_TO-jpeg)
FATE_EQUI2MULTI_CELLS += $(EQUI2MULTI_CELLS:%=fate-equi2multi-cell-%)
fate-equi2multi-cell-%: CELL = $(@:fate-equi2multi-cell-%=%)
fate-equi2multi-cell-%: CMD = $(EQUI2MULTI) $(EQUI2MULTI_CELL_SRC)$(EQUI2MULTI_FROM-$(CELL)),equi2multi=rig=cube6:w=97:h=63:$(EQUI2MULTI_CELL-$(CELL))
EQUI2MULTI_CELL_SRC = $(EQUI2MULTI_SRC),format=yuv420p,scale=flags=bicubic+accurate_rnd+bitexact,format=yuva420p,setparams=range=tv:colorspace=bt709

# masks of what each view owns
FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-owner
fate-equi2multi-owner: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=dome16:w=96:h=64:v_fov=80:yaw=30:show=owner

FATE_EQUI2MULTI_RORDERS = yrp pyr pry ryp rpy
FATE_EQUI2MULTI_TESTSRC2 += $(FATE_EQUI2MULTI_RORDERS:%=fate-equi2multi-rorder-%)
fate-equi2multi-rorder-%: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=tiles8:w=64:yaw=20:pitch=33:roll=-70:rorder=$(@:fate-equi2multi-rorder-%=%)

# a list of cameras, each of its own size and field of view
FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-list
fate-equi2multi-list: tests/data/filtergraphs/equi2multi-list
fate-equi2multi-list: CMD = framecrc -flags bitexact -/filter_complex $(TARGET_PATH)/tests/data/filtergraphs/equi2multi-list

# formats: each kernel, sampling and arrangement, planes of 8 to 16 bits
EQUI2MULTI_FORMATS = gray yuv422p yuv440p yuv444p yuva420p nv12 nv24 gbrp gbrap rgba 0bgr
EQUI2MULTI_FORMATS_LE = gray16 yuv420p10 yuv422p16 yuva444p12 gbrp14 gbrap16 p010 p212 p416 nv20 yuv444p10msb
FATE_EQUI2MULTI_SCALE += $(EQUI2MULTI_FORMATS:%=fate-equi2multi-format-%) $(EQUI2MULTI_FORMATS_LE:%=fate-equi2multi-format-%le)
fate-equi2multi-format-%: FORMAT = $(@:fate-equi2multi-format-%=%)
fate-equi2multi-format-%: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv444p,scale=flags=bicubic+accurate_rnd+bitexact,format=$(FORMAT),equi2multi=rig=cube6:w=96:h=64 -pix_fmt $(FORMAT)

FATE_EQUI2MULTI_NEAREST = yuv420p nv12 rgba yuv420p10le p010le
FATE_EQUI2MULTI_SCALE += $(FATE_EQUI2MULTI_NEAREST:%=fate-equi2multi-nearest-%)
fate-equi2multi-nearest-%: FORMAT = $(@:fate-equi2multi-nearest-%=%)
fate-equi2multi-nearest-%: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv444p,scale=flags=bicubic+accurate_rnd+bitexact,format=$(FORMAT),equi2multi=rig=cube6:w=96:h=64:interp=nearest -pix_fmt $(FORMAT)

# siting of chroma
FATE_EQUI2MULTI_SITES = left center topleft top bottomleft bottom
FATE_EQUI2MULTI_SETPARAMS += $(FATE_EQUI2MULTI_SITES:%=fate-equi2multi-chroma-%)
fate-equi2multi-chroma-%: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,setparams=chroma_location=$(@:fate-equi2multi-chroma-%=%),equi2multi=rig=cube6:w=97:h=63

# colours: from BT.709 of limited range, or BT.2020, in one format, to another one; see EQUI2MULTI_TO-
EQUI2MULTI_TO-same   =
EQUI2MULTI_TO-full   = :out_range=full
EQUI2MULTI_TO-bt601  = :out_color_matrix=bt601
EQUI2MULTI_TO-jpeg   = :out_color_matrix=bt601:out_range=full
EQUI2MULTI_TO-hdr    = :out_color_matrix=bt709
EQUI2MULTI_TO-near   = :out_color_matrix=bt601:out_range=full:interp=nearest
EQUI2MULTI_COLOURS_CPU  = yuv440p-yuv420p-jpeg gray-yuv420p-same yuv420p-gray-same yuv420p-yuvj420p-bt601 \
                          nv21-yuv420p-jpeg nv24-nv42-jpeg yuva420p-yuva420p-jpeg yuv420p9le-gray12le-full
EQUI2MULTI_COLOURS_BOTH = nv12-yuv420p-same p010le-yuv420p-same p010le-yuv420p10le-same yuv444p-yuv420p-same \
                          yuv420p-yuv420p-full nv12-nv12-full yuv420p10le-yuv420p10le-full nv12-p010le-full \
                          yuv420p-yuv420p-bt601 \
                          yuv420p-yuv420p-jpeg nv12-yuv420p-jpeg nv12-nv12-jpeg yuv422p-yuv422p-jpeg yuv444p-yuv444p-jpeg \
                          yuv420p-yuv444p-jpeg yuv444p-yuv420p-jpeg nv16-yuv420p-jpeg p010le-yuv420p-jpeg \
                          p212le-yuv422p-jpeg yuv444p10msble-yuv420p-jpeg yuv444p16le-nv12-jpeg \
                          p010le-yuv420p-hdr p010le-p010le-hdr nv12-yuv420p-near p010le-yuv444p10le-near
FATE_EQUI2MULTI_COLOURS += $(EQUI2MULTI_COLOURS_CPU:%=fate-equi2multi-colour-%) $(EQUI2MULTI_COLOURS_BOTH:%=fate-equi2multi-colour-%)
EQUI2MULTI_WORD = $(word $(1),$(subst -, ,$(@:fate-%=%)))
# (input format, kind)
EQUI2MULTI_COLOUR_SRC = $(EQUI2MULTI_SRC),format=yuv444p,scale=flags=bicubic+accurate_rnd+bitexact,format=$(1),setparams=range=tv:colorspace=$(if $(filter hdr,$(2)),bt2020nc,bt709)
fate-equi2multi-colour-%: FROM = $(call EQUI2MULTI_WORD,3)
fate-equi2multi-colour-%: TO   = $(call EQUI2MULTI_WORD,4)
fate-equi2multi-colour-%: KIND = $(call EQUI2MULTI_WORD,5)
fate-equi2multi-colour-%: CMD  = $(EQUI2MULTI) $(call EQUI2MULTI_COLOUR_SRC,$(FROM),$(KIND)),equi2multi=rig=cube6:w=97:h=63:format=$(TO)$(EQUI2MULTI_TO-$(KIND))

# from each site of chroma to the middle, and with another matrix to the same one
FATE_EQUI2MULTI_COLOURS += $(FATE_EQUI2MULTI_SITES:%=fate-equi2multi-jpeg-%) $(FATE_EQUI2MULTI_SITES:%=fate-equi2multi-matrix-%)
fate-equi2multi-jpeg-% fate-equi2multi-matrix-%: SITE = $(call EQUI2MULTI_WORD,3)
fate-equi2multi-jpeg-%:   CMD = $(EQUI2MULTI) $(call EQUI2MULTI_COLOUR_SRC,yuv420p):chroma_location=$(SITE),equi2multi=rig=cube6:w=97:h=63$(EQUI2MULTI_TO-jpeg)
fate-equi2multi-matrix-%: CMD = $(EQUI2MULTI) $(call EQUI2MULTI_COLOUR_SRC,yuv420p):chroma_location=$(SITE),equi2multi=rig=cube6:w=97:h=63$(EQUI2MULTI_TO-bt601)

# each output for itself: as it is, as JPEG, 10 bits, gray
FATE_EQUI2MULTI_COLOURS += fate-equi2multi-negotiated
fate-equi2multi-negotiated: CMD = $(EQUI2MULTI) "$(call EQUI2MULTI_COLOUR_SRC,nv12),equi2multi=rig=cardinal4:w=97:h=63[a][b][c][d];[b]format=yuv420p|yuv444p:color_spaces=bt470bg|smpte170m:color_ranges=pc[e];[c]format=yuv420p10le|yuv422p10le:color_spaces=bt2020nc[f];[d]format=gray[g]" -map [a] -map [e] -map [f] -map [g] -noauto_conversion_filters

# matrices that nobody named: large ones are BT.709, small ones BT.601
FATE_EQUI2MULTI_COLOURS += fate-equi2multi-untagged-256x128 fate-equi2multi-untagged-1280x640
fate-equi2multi-untagged-%: CMD = $(EQUI2MULTI) testsrc2=size=$(@:fate-equi2multi-untagged-%=%):duration=0.04,format=yuv420p,equi2multi=rig=cube6:w=97:h=63$(EQUI2MULTI_TO-jpeg)

# odd, smallest, not 2:1; portrait and landscape
FATE_EQUI2MULTI_SIZES = 257x129 255x63 4x2 5x3 100x300
FATE_EQUI2MULTI_TESTSRC2 += $(FATE_EQUI2MULTI_SIZES:%=fate-equi2multi-size-%)
fate-equi2multi-size-%: CMD = $(EQUI2MULTI) testsrc2=size=$(@:fate-equi2multi-size-%=%):rate=25:duration=0.08,format=yuv420p,equi2multi=rig=cube6:w=63:h=97:yaw=77

FATE_EQUI2MULTI_COLOURS += $(FATE_EQUI2MULTI_SIZES:%=fate-equi2multi-jpeg-size-%) fate-equi2multi-jpeg-one-pixel
fate-equi2multi-jpeg-size-%: CMD = $(EQUI2MULTI) testsrc2=size=$(@:fate-equi2multi-jpeg-size-%=%):rate=25:duration=0.08,format=yuv420p,setparams=range=tv:colorspace=bt709,equi2multi=rig=cube6:w=63:h=97:yaw=77$(EQUI2MULTI_TO-jpeg)
fate-equi2multi-jpeg-one-pixel: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,setparams=range=tv:colorspace=bt709,equi2multi=rig=yaw=180:w=1$(EQUI2MULTI_TO-jpeg)

FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-one-view fate-equi2multi-one-pixel
fate-equi2multi-one-view:  CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=yaw=123:w=320:h=180
fate-equi2multi-one-pixel: CMD = $(EQUI2MULTI) $(EQUI2MULTI_SRC),format=yuv420p,equi2multi=rig=yaw=180:w=1

FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-256-views
fate-equi2multi-256-views: tests/data/filtergraphs/equi2multi-256-views
fate-equi2multi-256-views: CMD = framecrc -flags bitexact -/filter_complex $(TARGET_PATH)/tests/data/filtergraphs/equi2multi-256-views
tests/data/filtergraphs/equi2multi-256-views: | tests/data/filtergraphs
	$(M)awk 'BEGIN { printf "testsrc2=size=256x128:duration=0.04,format=yuv420p,equi2multi=w=16:rig=\047"; \
	    for (i = 0; i < 256; i++) printf "%syaw=%d pitch=%d", i ? "|" : "", i * 45 % 360, i / 8 * 5 - 80; print "\047" }' > $@

# outputs that end before the others, one and all of them
FATE_EQUI2MULTI_TRIM += fate-equi2multi-early-end fate-equi2multi-all-end
fate-equi2multi-early-end: CMD = $(EQUI2MULTI) "testsrc2=size=256x128:rate=25:duration=0.4,format=yuv420p,equi2multi=rig=cardinal4:w=64[a][b][c][d];[b]trim=end_frame=1[e];[d]trim=end_frame=3[f]" -map [a] -map [e] -map [c] -map [f]
fate-equi2multi-all-end:   CMD = $(EQUI2MULTI) "testsrc2=size=256x128:rate=25:duration=10000,format=yuv420p,equi2multi=rig=yaw=0|yaw=90:w=64[a][b];[a]trim=end_frame=2[c];[b]trim=end_frame=5[d]" -map [c] -map [d]

# a rig that turns: the heading alone, then everything, then a refused angle
FATE_EQUI2MULTI_SENDCMD += fate-equi2multi-commands
fate-equi2multi-commands: tests/data/filtergraphs/equi2multi-commands
fate-equi2multi-commands: CMD = framecrc -flags bitexact -/filter_complex $(TARGET_PATH)/tests/data/filtergraphs/equi2multi-commands

# ... and one by quaternions: commands, two of which are refused, and a list over time
FATE_EQUI2MULTI_SENDCMD  += fate-equi2multi-rotation
FATE_EQUI2MULTI_TESTSRC2 += fate-equi2multi-rotations
fate-equi2multi-rotation fate-equi2multi-rotations: fate-%: tests/data/filtergraphs/%
fate-equi2multi-rotation fate-equi2multi-rotations: CMD = framecrc -flags bitexact -/filter_complex $(TARGET_PATH)/$(@:fate-%=tests/data/filtergraphs/%)

# groups of five pictures, each but the first of which needs the one before it: parts of two groups are read
FATE_EQUI2MULTI_INTERVALS += fate-equi2multi-read-intervals
fate-equi2multi-read-intervals: tests/data/equi2multi-intervals.mkv
fate-equi2multi-read-intervals: CMD = framecrc -copyts -read_intervals 0.2%+\#3,0.8%+\#5 -i $(TARGET_PATH)/tests/data/equi2multi-intervals.mkv
tests/data/equi2multi-intervals.mkv: TAG = GEN
tests/data/equi2multi-intervals.mkv: ffmpeg$(PROGSSUF)$(EXESUF) | tests/data
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< -nostdin -v error -lavfi testsrc2=size=64x32:rate=25:duration=1.2,format=yuv420p \
	    -c:v ffv1 -level 1 -g 5 -bitexact -y $(TARGET_PATH)/$@
FATE_EQUI2MULTI-$(call ALLYES, LAVFI_INDEV TESTSRC2_FILTER FORMAT_FILTER FFV1_ENCODER FFV1_DECODER MATROSKA_MUXER MATROSKA_DEMUXER FRAMECRC_MUXER) += $(FATE_EQUI2MULTI_INTERVALS)

# a panorama that changes its size within the graph
FATE_EQUI2MULTI_CONCAT += fate-equi2multi-resize
fate-equi2multi-resize: CMD = $(EQUI2MULTI) "testsrc2=size=256x128:duration=0.08,format=yuv420p[a];testsrc2=size=320x160:duration=0.08,format=yuv420p[b];[a][b]concat=unsafe=1,equi2multi=rig=cube6:w=64"

# what the frames say of their cameras
FATE_EQUI2MULTI_PROBE += fate-equi2multi-metadata
fate-equi2multi-metadata: ffprobe$(PROGSSUF)$(EXESUF)
fate-equi2multi-metadata: CMD = run ffprobe$(PROGSSUF)$(EXESUF) -of compact=p=0 -show_entries frame=width,height,sample_aspect_ratio:frame_tags -bitexact -f lavfi "testsrc2=size=256x128:duration=0.04,format=yuv420p,setsar=1/2,equi2multi=rig=name=front|yaw=90 pitch=-35 roll=20 h_fov=60 w=120 h=90|pitch=90 v_fov=30|yaw=180:w=80:h=60:yaw=10[out0][out1][out2][out3]"

FATE_EQUI2MULTI-$(call FILTERFRAMECRC, EQUI2MULTI FORMAT TESTSRC2)           += $(FATE_EQUI2MULTI_TESTSRC2)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, EQUI2MULTI FORMAT SCALE TESTSRC2)     += $(FATE_EQUI2MULTI_SCALE)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, EQUI2MULTI FORMAT SETPARAMS TESTSRC2) += $(FATE_EQUI2MULTI_SETPARAMS)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, EQUI2MULTI FORMAT SCALE SETPARAMS TESTSRC2) += $(FATE_EQUI2MULTI_COLOURS)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, CROP EQUI2MULTI FORMAT SCALE SETPARAMS TESTSRC2) += $(FATE_EQUI2MULTI_CELLS)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, EQUI2MULTI FORMAT TESTSRC2 TRIM)      += $(FATE_EQUI2MULTI_TRIM)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, EQUI2MULTI FORMAT SENDCMD TESTSRC2)   += $(FATE_EQUI2MULTI_SENDCMD)
FATE_EQUI2MULTI-$(call FILTERFRAMECRC, CONCAT EQUI2MULTI FORMAT TESTSRC2)    += $(FATE_EQUI2MULTI_CONCAT)
FATE_EQUI2MULTI_FFPROBE-$(call ALLYES, EQUI2MULTI_FILTER FORMAT_FILTER SETSAR_FILTER TESTSRC2_FILTER LAVFI_INDEV) += $(FATE_EQUI2MULTI_PROBE)

FATE-$(CONFIG_AVFILTER) += $(FATE_EQUI2MULTI-yes)
FATE_FFPROBE += $(FATE_EQUI2MULTI_FFPROBE-yes)
fate-equi2multi: $(FATE_EQUI2MULTI-yes) $(FATE_EQUI2MULTI_FFPROBE-yes) fate-checkasm-vf_equi2multi

# equi2multi_cuda: the references are those of the CPU filter. Every view is
# downloaded. The tests need a GPU and are part of fate-hw.
EQUI2MULTI_ON_GPU = framecrc -init_hw_device cuda=gpu -filter_hw_device gpu -flags bitexact
EQUI2MULTI_PADS   = 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
# (options, number of views, pixel format)
EQUI2MULTI_CUDA   = $(subst $() $(),,hwupload,equi2multi_cuda=$(1)$(foreach i,$(wordlist 1,$(2),$(EQUI2MULTI_PADS)),[v$(i)])$(foreach i,$(wordlist 1,$(2),$(EQUI2MULTI_PADS)),;[v$(i)]hwdownload,format=$(3)))
# (options, number of views)
EQUI2MULTI_CUDA_CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(EQUI2MULTI_SRC),format=yuv420p,$(call EQUI2MULTI_CUDA,$(1),$(2),yuv420p)"
# views of a preset, which is what its name ends in
EQUI2MULTI_VIEWS = $(lastword $(foreach n,4 6 8 10 12 14 16 17 18,$(if $(filter %$(n),$(1)),$(n))))

FATE_EQUI2MULTI_CUDA_TESTSRC2 += $(FATE_EQUI2MULTI_PRESETS:%=fate-equi2multi-cuda-rig-%)
fate-equi2multi-cuda-rig-%: RIG = $(@:fate-equi2multi-cuda-rig-%=%)
fate-equi2multi-cuda-rig-%: CMD = $(call EQUI2MULTI_CUDA_CMD,rig=$(RIG):w=96:h=64,$(call EQUI2MULTI_VIEWS,$(RIG)))

FATE_EQUI2MULTI_CUDA_TESTSRC2 += fate-equi2multi-cuda-fov fate-equi2multi-cuda-turned fate-equi2multi-cuda-convention
fate-equi2multi-cuda-fov:        CMD = $(call EQUI2MULTI_CUDA_CMD,rig=cube6:w=96:h=64:h_fov=100:v_fov=40,6)
fate-equi2multi-cuda-turned:     CMD = $(call EQUI2MULTI_CUDA_CMD,w=64:yaw=-100:pitch=33:roll=7,8)
fate-equi2multi-cuda-convention: CMD = $(call EQUI2MULTI_CUDA_CMD,w=64:yaw=-100:pitch=-33:roll=-7:convention=360toolkit,8)

FATE_EQUI2MULTI_CUDA_TESTSRC2 += $(FATE_EQUI2MULTI_RORDERS:%=fate-equi2multi-cuda-rorder-%)
fate-equi2multi-cuda-rorder-%: CMD = $(call EQUI2MULTI_CUDA_CMD,rig=tiles8:w=64:yaw=20:pitch=33:roll=-70:rorder=$(@:fate-equi2multi-cuda-rorder-%=%),8)

EQUI2MULTI_CUDA_FORMATS = yuv422p yuv444p yuva420p nv12 rgba yuv420p10le p010le p212le yuv444p10msble
FATE_EQUI2MULTI_CUDA_SCALE += $(EQUI2MULTI_CUDA_FORMATS:%=fate-equi2multi-cuda-format-%)
fate-equi2multi-cuda-format-%: FORMAT = $(@:fate-equi2multi-cuda-format-%=%)
fate-equi2multi-cuda-format-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(EQUI2MULTI_SRC),format=yuv444p,scale=flags=bicubic+accurate_rnd+bitexact,format=$(FORMAT),$(call EQUI2MULTI_CUDA,rig=cube6:w=96:h=64,6,$(FORMAT))" -pix_fmt $(FORMAT)

FATE_EQUI2MULTI_CUDA_SCALE += $(FATE_EQUI2MULTI_NEAREST:%=fate-equi2multi-cuda-nearest-%)
fate-equi2multi-cuda-nearest-%: FORMAT = $(@:fate-equi2multi-cuda-nearest-%=%)
fate-equi2multi-cuda-nearest-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(EQUI2MULTI_SRC),format=yuv444p,scale=flags=bicubic+accurate_rnd+bitexact,format=$(FORMAT),$(call EQUI2MULTI_CUDA,rig=cube6:w=96:h=64:interp=nearest,6,$(FORMAT))" -pix_fmt $(FORMAT)

FATE_EQUI2MULTI_CUDA_SETPARAMS += $(FATE_EQUI2MULTI_SITES:%=fate-equi2multi-cuda-chroma-%)
fate-equi2multi-cuda-chroma-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(EQUI2MULTI_SRC),format=yuv420p,setparams=chroma_location=$(@:fate-equi2multi-cuda-chroma-%=%),$(call EQUI2MULTI_CUDA,rig=cube6:w=97:h=63,6,yuv420p)"

FATE_EQUI2MULTI_CUDA_COLOURS += $(EQUI2MULTI_COLOURS_BOTH:%=fate-equi2multi-cuda-colour-%)
fate-equi2multi-cuda-colour-%: FROM = $(call EQUI2MULTI_WORD,4)
fate-equi2multi-cuda-colour-%: TO   = $(call EQUI2MULTI_WORD,5)
fate-equi2multi-cuda-colour-%: KIND = $(call EQUI2MULTI_WORD,6)
fate-equi2multi-cuda-colour-%: CMD  = $(EQUI2MULTI_ON_GPU) -lavfi "$(call EQUI2MULTI_COLOUR_SRC,$(FROM),$(KIND)),$(call EQUI2MULTI_CUDA,rig=cube6:w=97:h=63:format=$(TO)$(EQUI2MULTI_TO-$(KIND)),6,$(TO))"

FATE_EQUI2MULTI_CUDA_COLOURS += $(FATE_EQUI2MULTI_SITES:%=fate-equi2multi-cuda-jpeg-%) $(FATE_EQUI2MULTI_SITES:%=fate-equi2multi-cuda-matrix-%)
fate-equi2multi-cuda-jpeg-% fate-equi2multi-cuda-matrix-%: SITE = $(call EQUI2MULTI_WORD,4)
fate-equi2multi-cuda-jpeg-%:   CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(call EQUI2MULTI_COLOUR_SRC,yuv420p):chroma_location=$(SITE),$(call EQUI2MULTI_CUDA,rig=cube6:w=97:h=63$(EQUI2MULTI_TO-jpeg),6,yuv420p)"
fate-equi2multi-cuda-matrix-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(call EQUI2MULTI_COLOUR_SRC,yuv420p):chroma_location=$(SITE),$(call EQUI2MULTI_CUDA,rig=cube6:w=97:h=63$(EQUI2MULTI_TO-bt601),6,yuv420p)"

FATE_EQUI2MULTI_CUDA_COLOURS += $(FATE_EQUI2MULTI_SIZES:%=fate-equi2multi-cuda-jpeg-size-%) fate-equi2multi-cuda-jpeg-one-pixel
fate-equi2multi-cuda-jpeg-size-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "testsrc2=size=$(@:fate-equi2multi-cuda-jpeg-size-%=%):rate=25:duration=0.08,format=yuv420p,setparams=range=tv:colorspace=bt709,$(call EQUI2MULTI_CUDA,rig=cube6:w=63:h=97:yaw=77$(EQUI2MULTI_TO-jpeg),6,yuv420p)"
fate-equi2multi-cuda-jpeg-one-pixel: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(EQUI2MULTI_SRC),format=yuv420p,setparams=range=tv:colorspace=bt709,$(call EQUI2MULTI_CUDA,rig=yaw=180:w=1$(EQUI2MULTI_TO-jpeg),1,yuv420p)"

FATE_EQUI2MULTI_CUDA_TESTSRC2 += $(FATE_EQUI2MULTI_SIZES:%=fate-equi2multi-cuda-size-%)
fate-equi2multi-cuda-size-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "testsrc2=size=$(@:fate-equi2multi-cuda-size-%=%):rate=25:duration=0.08,format=yuv420p,$(call EQUI2MULTI_CUDA,rig=cube6:w=63:h=97:yaw=77,6,yuv420p)"

FATE_EQUI2MULTI_CUDA_TESTSRC2 += fate-equi2multi-cuda-one-view fate-equi2multi-cuda-one-pixel
fate-equi2multi-cuda-one-view:  CMD = $(call EQUI2MULTI_CUDA_CMD,rig=yaw=123:w=320:h=180,1)
fate-equi2multi-cuda-one-pixel: CMD = $(call EQUI2MULTI_CUDA_CMD,rig=yaw=180:w=1,1)

# frames of a device have to be cropped there
FATE_EQUI2MULTI_CUDA_CELLS += $(EQUI2MULTI_CELLS:%=fate-equi2multi-cuda-cell-%)
fate-equi2multi-cuda-cell-%: CELL = $(@:fate-equi2multi-cuda-cell-%=%)
fate-equi2multi-cuda-cell-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "$(EQUI2MULTI_CELL_SRC),$(patsubst hwupload%,hwupload$(EQUI2MULTI_FROM-$(CELL))%,$(call EQUI2MULTI_CUDA,rig=cube6:w=97:h=63:$(EQUI2MULTI_CELL-$(CELL)),6,yuva420p))"

FATE_EQUI2MULTI_CUDA_TRIM += fate-equi2multi-cuda-early-end
fate-equi2multi-cuda-early-end: CMD = $(EQUI2MULTI_ON_GPU) -lavfi "testsrc2=size=256x128:rate=25:duration=0.4,format=yuv420p,hwupload,equi2multi_cuda=rig=cardinal4:w=64[a][b][c][d];[b]trim=end_frame=1[e];[d]trim=end_frame=3[f];[a]hwdownload,format=yuv420p;[e]hwdownload,format=yuv420p;[c]hwdownload,format=yuv420p;[f]hwdownload,format=yuv420p"

# the filter graphs of the CPU filter, on the GPU
FATE_EQUI2MULTI_CUDA_TESTSRC2 += fate-equi2multi-cuda-list fate-equi2multi-cuda-256-views
FATE_EQUI2MULTI_CUDA_SENDCMD  += fate-equi2multi-cuda-commands fate-equi2multi-cuda-rotation
FATE_EQUI2MULTI_CUDA_TESTSRC2 += fate-equi2multi-cuda-rotations
fate-equi2multi-cuda-list:      VIEWS = 4
fate-equi2multi-cuda-256-views: VIEWS = 256
fate-equi2multi-cuda-commands:  VIEWS = 8
fate-equi2multi-cuda-rotation:  VIEWS = 8
fate-equi2multi-cuda-rotations: VIEWS = 8
$(addprefix fate-equi2multi-cuda-, list 256-views commands rotation rotations): fate-equi2multi-cuda-%: tests/data/filtergraphs/equi2multi-cuda-%
$(addprefix fate-equi2multi-cuda-, list 256-views commands rotation rotations): CMD = $(EQUI2MULTI_ON_GPU) -/filter_complex $(TARGET_PATH)/$(@:fate-%=tests/data/filtergraphs/%)
tests/data/filtergraphs/equi2multi-cuda-%: tests/data/filtergraphs/equi2multi-%
	$(M)awk -v n=$(VIEWS) '{ gsub(/equi2multi=/, "hwupload,equi2multi_cuda="); gsub(/ equi2multi /, " equi2multi_cuda "); print } \
	    END { for (i = 0; i < n; i++) printf "[v%d]", i; for (i = 0; i < n; i++) printf ";\n[v%d]hwdownload,format=yuv420p", i; print "" }' $< > $@

FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD TESTSRC2)           += $(FATE_EQUI2MULTI_CUDA_TESTSRC2)
FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD SCALE TESTSRC2)     += $(FATE_EQUI2MULTI_CUDA_SCALE)
FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD SETPARAMS TESTSRC2) += $(FATE_EQUI2MULTI_CUDA_SETPARAMS)
FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD SCALE SETPARAMS TESTSRC2) += $(FATE_EQUI2MULTI_CUDA_COLOURS)
FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, CROP EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD SCALE SETPARAMS TESTSRC2) += $(FATE_EQUI2MULTI_CUDA_CELLS)
FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD TESTSRC2 TRIM)      += $(FATE_EQUI2MULTI_CUDA_TRIM)
FATE_EQUI2MULTI_CUDA-$(call FILTERFRAMECRC, EQUI2MULTI_CUDA FORMAT HWDOWNLOAD HWUPLOAD SENDCMD TESTSRC2)   += $(FATE_EQUI2MULTI_CUDA_SENDCMD)
$(FATE_EQUI2MULTI_CUDA-yes): REF = $(SRC_PATH)/tests/ref/fate/$(@:fate-equi2multi-cuda-%=equi2multi-%)
fate-equi2multi-cuda-convention: REF = $(SRC_PATH)/tests/ref/fate/equi2multi-turned

# its frames, downloaded into page-locked memory
FATE_EQUI2MULTI_CUDA_DOWNLOAD-$(call FILTERFRAMECRC, FORMAT HWDOWNLOAD_CUDA HWUPLOAD SCALE TESTSRC2) += $(addprefix fate-hwdownload_cuda-, nv12 yuv420p p010le rgba)
fate-hwdownload_cuda-%: FORMAT = $(@:fate-hwdownload_cuda-%=%)
fate-hwdownload_cuda-%: CMD = $(EQUI2MULTI_ON_GPU) -lavfi testsrc2=size=97x63:rate=25:duration=0.12,format=yuv444p,scale=flags=bicubic+accurate_rnd+bitexact,format=$(FORMAT),hwupload,hwdownload_cuda,format=$(FORMAT) -pix_fmt $(FORMAT)

FATE_EQUI2MULTI_HW = $(FATE_EQUI2MULTI_CUDA-yes) $(FATE_EQUI2MULTI_CUDA_DOWNLOAD-yes)
FATE_HW-yes += $(FATE_EQUI2MULTI_HW)
fate-equi2multi-cuda: $(FATE_EQUI2MULTI_HW)
