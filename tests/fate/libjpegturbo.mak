# libjpegturbo: what the native decoder makes of its pictures is near to what
# went in; the bytes are the library's business. Names are made of what is
# tested, pixel format and size.

LIBJPEGTURBO_OF  = $(wordlist 4,5,$(subst -, ,$(1)))
# (format size)
LIBJPEGTURBO_SRC = testsrc2=size=128x96:rate=20:duration=0.4,format=yuv444p,crop=$(subst x,:,$(word 2,$(1))):exact=1,scale=flags=bicubic+accurate_rnd+bitexact,format=$(word 1,$(1)),setparams=range=pc:colorspace=bt470bg
LIBJPEGTURBO_RAW = tests/data/libjpegturbo-$(word 1,$(1))-$(word 2,$(1)).raw

tests/data/libjpegturbo-%.raw: TAG = GEN
tests/data/libjpegturbo-%.raw: ffmpeg$(PROGSSUF)$(EXESUF) | tests/data
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< -nostdin -v error -noauto_conversion_filters \
	    -lavfi "$(call LIBJPEGTURBO_SRC,$(subst -, ,$*))" -f rawvideo -y $(TARGET_PATH)/$@

LIBJPEGTURBO_FORMATS = yuv420p yuvj420p yuv422p yuvj422p yuv440p yuvj440p yuv444p yuvj444p gray
FATE_LIBJPEGTURBO_CODEC = $(LIBJPEGTURBO_FORMATS:%=fate-libjpegturbo-format-%-97x63)

# whole MCUs, whole blocks, neither
LIBJPEGTURBO_SIZES = 96x64 72x88 9x31 8x1 1x17 1x1
FATE_LIBJPEGTURBO_CODEC += $(LIBJPEGTURBO_SIZES:%=fate-libjpegturbo-size-yuv420p-%) fate-libjpegturbo-size-yuv444p-1x1

LIBJPEGTURBO_OPTIONS = best worst qscale optimize progressive restart threads
FATE_LIBJPEGTURBO_CODEC += $(foreach format,yuv420p yuv444p gray,$(LIBJPEGTURBO_OPTIONS:%=fate-libjpegturbo-%-$(format)-97x63))
fate-libjpegturbo-best-%:        OPTIONS = -quality 100
fate-libjpegturbo-worst-%:       OPTIONS = -quality 1
fate-libjpegturbo-qscale-%:      OPTIONS = -q:v 90
fate-libjpegturbo-optimize-%:    OPTIONS = -optimize 1
fate-libjpegturbo-progressive-%: OPTIONS = -progressive 1
fate-libjpegturbo-restart-%:     OPTIONS = -restart_rows 1
fate-libjpegturbo-threads-%:     OPTIONS = -threads 4 -progressive 1 -restart_rows 2

$(FATE_LIBJPEGTURBO_CODEC): CMD = ffmpeg -lavfi $(call LIBJPEGTURBO_SRC,$(call LIBJPEGTURBO_OF,$@)) -c:v libjpegturbo $(OPTIONS) -f null - \
    -dec 0:0 -filter_complex [dec:0]null[decoded] -map [decoded] -fps_mode passthrough -f rawvideo -
$(FATE_LIBJPEGTURBO_CODEC): CMP = stddev
$(FATE_LIBJPEGTURBO_CODEC): CMP_UNIT = 1
$(FATE_LIBJPEGTURBO_CODEC): FUZZ = 3
$(filter fate-libjpegturbo-best-%,$(FATE_LIBJPEGTURBO_CODEC)):  FUZZ = 1
$(filter fate-libjpegturbo-worst-%,$(FATE_LIBJPEGTURBO_CODEC)): FUZZ = 30
$(FATE_LIBJPEGTURBO_CODEC): REF = $(call LIBJPEGTURBO_RAW,$(call LIBJPEGTURBO_OF,$@))
$(foreach test,$(FATE_LIBJPEGTURBO_CODEC),$(eval $(test): $(call LIBJPEGTURBO_RAW,$(call LIBJPEGTURBO_OF,$(test)))))

# what the files say of themselves
LIBJPEGTURBO_PROBE = run_with_temp "$(FFMPEG) -nostdin -v error -noauto_conversion_filters -lavfi $(call LIBJPEGTURBO_SRC,$(call LIBJPEGTURBO_OF,$@)),$(1) -c:v libjpegturbo $(2) -frames:v 1 -update 1 -y" \
    "ffprobe$(PROGSSUF)$(EXESUF) -bitexact -of compact=p=0 -show_entries stream=codec_name,profile,width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,chroma_location" jpg
FATE_LIBJPEGTURBO_PROBE = $(LIBJPEGTURBO_FORMATS:%=fate-libjpegturbo-probe-%-97x63) \
                          $(addprefix fate-libjpegturbo-probe_,sar-yuv420p-97x63 large_sar-yuv420p-97x63 progressive-yuv420p-97x63)
fate-libjpegturbo-probe-%:             CMD = $(call LIBJPEGTURBO_PROBE,null)
fate-libjpegturbo-probe_sar-%:         CMD = $(call LIBJPEGTURBO_PROBE,setsar=16/11)
fate-libjpegturbo-probe_large_sar-%:   CMD = $(call LIBJPEGTURBO_PROBE,setsar=100003/70001:max=200000)
fate-libjpegturbo-probe_progressive-%: CMD = $(call LIBJPEGTURBO_PROBE,null,-progressive 1)

LIBJPEGTURBO_FILTERS = CROP FORMAT NULL SCALE SETPARAMS SETSAR TESTSRC2
FATE_LIBJPEGTURBO-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) LAVFI_INDEV LIBJPEGTURBO_ENCODER MJPEG_DECODER RAWVIDEO_ENCODER NULL_MUXER RAWVIDEO_MUXER FILE_PROTOCOL PIPE_PROTOCOL) += $(FATE_LIBJPEGTURBO_CODEC)
FATE_LIBJPEGTURBO_FFPROBE-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) LAVFI_INDEV LIBJPEGTURBO_ENCODER MJPEG_DECODER IMAGE2_MUXER IMAGE_JPEG_PIPE_DEMUXER FILE_PROTOCOL) += $(FATE_LIBJPEGTURBO_PROBE)

FATE_FFMPEG += $(FATE_LIBJPEGTURBO-yes)
FATE_FFMPEG_FFPROBE += $(FATE_LIBJPEGTURBO_FFPROBE-yes)
fate-libjpegturbo: $(FATE_LIBJPEGTURBO-yes) $(FATE_LIBJPEGTURBO_FFPROBE-yes)

# mjpeg_nvjpeg, the encoder: the same. The tests need a GPU and are part of fate-hw.
MJPEG_NVJPEG_GPU = -init_hw_device cuda=gpu -filter_hw_device gpu
MJPEG_NVJPEG_OF  = $(wordlist 5,6,$(subst -, ,$(1)))

MJPEG_NVJPEG_FORMATS = yuv420p nv12 yuv422p yuv444p gray
FATE_MJPEG_NVJPEG_ENC  = $(MJPEG_NVJPEG_FORMATS:%=fate-mjpeg-nvjpeg-format-%-97x63)
FATE_MJPEG_NVJPEG_ENC += $(LIBJPEGTURBO_SIZES:%=fate-mjpeg-nvjpeg-size-yuv420p-%) fate-mjpeg-nvjpeg-size-yuv444p-1x1

MJPEG_NVJPEG_OPTIONS = best worst qscale optimize depth
FATE_MJPEG_NVJPEG_ENC += $(foreach format,yuv420p yuv444p gray,$(MJPEG_NVJPEG_OPTIONS:%=fate-mjpeg-nvjpeg-%-$(format)-97x63))
fate-mjpeg-nvjpeg-best-%:     OPTIONS = -quality 100
fate-mjpeg-nvjpeg-worst-%:    OPTIONS = -quality 1
fate-mjpeg-nvjpeg-qscale-%:   OPTIONS = -q:v 90
fate-mjpeg-nvjpeg-optimize-%: OPTIONS = -optimize 1
fate-mjpeg-nvjpeg-depth-%:    OPTIONS = -async_depth 1

# nv12 is gone by the time that the decoder makes planes of it
MJPEG_NVJPEG_REF = $(call LIBJPEGTURBO_RAW,$(subst nv12,yuv420p,$(call MJPEG_NVJPEG_OF,$(1))))
$(FATE_MJPEG_NVJPEG_ENC): CMD = ffmpeg $(MJPEG_NVJPEG_GPU) -lavfi $(call LIBJPEGTURBO_SRC,$(call MJPEG_NVJPEG_OF,$@)),hwupload -c:v mjpeg_nvjpeg $(OPTIONS) -f null - \
    -dec 0:0 -filter_complex [dec:0]null[decoded] -map [decoded] -fps_mode passthrough -f rawvideo -
$(FATE_MJPEG_NVJPEG_ENC): FUZZ = 3
$(filter fate-mjpeg-nvjpeg-best-%,$(FATE_MJPEG_NVJPEG_ENC)):  FUZZ = 1
$(filter fate-mjpeg-nvjpeg-worst-%,$(FATE_MJPEG_NVJPEG_ENC)): FUZZ = 30
$(FATE_MJPEG_NVJPEG_ENC): REF = $(call MJPEG_NVJPEG_REF,$@)
$(foreach test,$(FATE_MJPEG_NVJPEG_ENC),$(eval $(test): $(call MJPEG_NVJPEG_REF,$(test))))

# what its files say of themselves is what those of libjpegturbo say
MJPEG_NVJPEG_PROBE = run_with_temp "$(FFMPEG) -nostdin -v error -noauto_conversion_filters $(MJPEG_NVJPEG_GPU) -lavfi $(call LIBJPEGTURBO_SRC,$(call MJPEG_NVJPEG_OF,$@)),$(1),hwupload -c:v mjpeg_nvjpeg -frames:v 1 -update 1 -y" \
    "ffprobe$(PROGSSUF)$(EXESUF) -bitexact -of compact=p=0 -show_entries stream=codec_name,profile,width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,chroma_location" jpg
FATE_MJPEG_NVJPEG_PROBE = $(MJPEG_NVJPEG_FORMATS:%=fate-mjpeg-nvjpeg-probe-%-97x63) \
                          $(addprefix fate-mjpeg-nvjpeg-probe_,sar-yuv420p-97x63 large_sar-yuv420p-97x63)
fate-mjpeg-nvjpeg-probe-%:           CMD = $(call MJPEG_NVJPEG_PROBE,null)
fate-mjpeg-nvjpeg-probe_sar-%:       CMD = $(call MJPEG_NVJPEG_PROBE,setsar=16/11)
fate-mjpeg-nvjpeg-probe_large_sar-%: CMD = $(call MJPEG_NVJPEG_PROBE,setsar=100003/70001:max=200000)
$(FATE_MJPEG_NVJPEG_PROBE): REF = $(SRC_PATH)/tests/ref/fate/$(subst nv12,yuv420p,$(@:fate-mjpeg-nvjpeg-%=libjpegturbo-%))

# The decoder: the pictures are nearly those of the native decoder. They are
# written by libjpegturbo; a sequence is several files in one.
tests/data/mjpeg-nvjpeg-%.jpegs: TAG = GEN
tests/data/mjpeg-nvjpeg-%.jpegs: ffmpeg$(PROGSSUF)$(EXESUF) | tests/data
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< -nostdin -v error -noauto_conversion_filters -lavfi "$(call LIBJPEGTURBO_SRC,$(wordlist 2,3,$(subst -, ,$*)))" \
	    -c:v libjpegturbo $(MJPEG_NVJPEG_WRITE_$(firstword $(subst -, ,$*))) -f image2pipe -y $(TARGET_PATH)/$@
MJPEG_NVJPEG_WRITE_progressive = -progressive 1
MJPEG_NVJPEG_WRITE_restart     = -restart_rows 1
MJPEG_NVJPEG_WRITE_worst       = -quality 1

MJPEG_NVJPEG_SEQUENCE = baseline-yuv420p-97x63 progressive-yuv444p-72x88 baseline-gray-9x31 restart-yuv422p-97x63 baseline-yuv420p-97x63
tests/data/mjpeg-nvjpeg-sequence.jpegs: TAG = GEN
tests/data/mjpeg-nvjpeg-sequence.jpegs: $(MJPEG_NVJPEG_SEQUENCE:%=tests/data/mjpeg-nvjpeg-%.jpegs)
	$(M)cat $(MJPEG_NVJPEG_SEQUENCE:%=tests/data/mjpeg-nvjpeg-%.jpegs) > $@

# planes with all of chroma, for a sequence changes
MJPEG_NVJPEG_444 = scale=flags=neighbor+bitexact:in_range=pc:out_range=pc,format=yuv444p,setparams=range=pc
tests/data/mjpeg-nvjpeg-%.raw: TAG = DEC
tests/data/mjpeg-nvjpeg-%.raw: tests/data/mjpeg-nvjpeg-%.jpegs ffmpeg$(PROGSSUF)$(EXESUF)
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/ffmpeg$(PROGSSUF)$(EXESUF) -nostdin -v error -noauto_conversion_filters -f jpeg_pipe -c:v mjpeg -i $(TARGET_PATH)/$< \
	    -vf $(MJPEG_NVJPEG_444) -noautoscale -fps_mode passthrough -f rawvideo -y $(TARGET_PATH)/$@

FATE_MJPEG_NVJPEG_DEC  = $(foreach format,yuv420p yuv422p yuv444p gray,$(addprefix fate-mjpeg-nvjpeg-dec-,baseline-$(format)-97x63 progressive-$(format)-97x63))
FATE_MJPEG_NVJPEG_DEC += $(addprefix fate-mjpeg-nvjpeg-dec-,restart-yuv420p-97x63 restart-yuv444p-97x63 worst-yuv420p-97x63) \
                         $(LIBJPEGTURBO_SIZES:%=fate-mjpeg-nvjpeg-dec-baseline-yuv420p-%) fate-mjpeg-nvjpeg-dec-sequence
FATE_MJPEG_NVJPEG_DEC += $(addprefix fate-mjpeg-nvjpeg-dec-sequence-,depth1 depth2 threads)
fate-mjpeg-nvjpeg-dec-sequence-depth1:  OPTIONS = -async_depth 1
fate-mjpeg-nvjpeg-dec-sequence-depth2:  OPTIONS = -async_depth 2
fate-mjpeg-nvjpeg-dec-sequence-threads: OPTIONS = -async_depth 64
fate-mjpeg-nvjpeg-dec-sequence-threads: THREADS = 4
MJPEG_NVJPEG_FILE = tests/data/mjpeg-nvjpeg-$(if $(findstring sequence,$(1)),sequence,$(1:fate-mjpeg-nvjpeg-dec-%=%))
$(FATE_MJPEG_NVJPEG_DEC): HWACCEL = cuda
$(FATE_MJPEG_NVJPEG_DEC): CMD = ffmpeg -init_hw_device cuda=gpu -hwaccel_device gpu $(ON_GPU) -f jpeg_pipe -c:v mjpeg_nvjpeg $(OPTIONS) -i $(TARGET_PATH)/$(call MJPEG_NVJPEG_FILE,$@).jpegs \
    -vf $(DOWNLOAD)$(MJPEG_NVJPEG_444) -noautoscale -fps_mode passthrough -f rawvideo -
# hwdownload knows one format only, ffmpeg the ones that there are
$(filter-out fate-mjpeg-nvjpeg-dec-sequence%,$(FATE_MJPEG_NVJPEG_DEC)): ON_GPU = -hwaccel_output_format cuda
$(filter-out fate-mjpeg-nvjpeg-dec-sequence%,$(FATE_MJPEG_NVJPEG_DEC)): DOWNLOAD = hwdownload,format=$(word 6,$(subst -, ,$@)),
$(FATE_MJPEG_NVJPEG_DEC): FUZZ = 1
$(FATE_MJPEG_NVJPEG_DEC): REF = $(call MJPEG_NVJPEG_FILE,$@).raw
$(foreach test,$(FATE_MJPEG_NVJPEG_DEC),$(eval $(test): $(call MJPEG_NVJPEG_FILE,$(test)).jpegs $(call MJPEG_NVJPEG_FILE,$(test)).raw))

$(FATE_MJPEG_NVJPEG_ENC) $(FATE_MJPEG_NVJPEG_DEC): CMP = stddev
$(FATE_MJPEG_NVJPEG_ENC) $(FATE_MJPEG_NVJPEG_DEC): CMP_UNIT = 1

FATE_MJPEG_NVJPEG-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) HWUPLOAD_FILTER LAVFI_INDEV MJPEG_NVJPEG_ENCODER MJPEG_DECODER RAWVIDEO_ENCODER NULL_MUXER RAWVIDEO_MUXER FILE_PROTOCOL PIPE_PROTOCOL) += $(FATE_MJPEG_NVJPEG_ENC)
FATE_MJPEG_NVJPEG-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) HWUPLOAD_FILTER LAVFI_INDEV MJPEG_NVJPEG_ENCODER MJPEG_DECODER IMAGE2_MUXER IMAGE_JPEG_PIPE_DEMUXER FILE_PROTOCOL) += $(FATE_MJPEG_NVJPEG_PROBE)
FATE_MJPEG_NVJPEG-$(call ALLYES, $(LIBJPEGTURBO_FILTERS:%=%_FILTER) HWDOWNLOAD_FILTER LAVFI_INDEV LIBJPEGTURBO_ENCODER MJPEG_NVJPEG_DECODER MJPEG_DECODER RAWVIDEO_ENCODER IMAGE2PIPE_MUXER RAWVIDEO_MUXER IMAGE_JPEG_PIPE_DEMUXER FILE_PROTOCOL PIPE_PROTOCOL) += $(FATE_MJPEG_NVJPEG_DEC)
$(FATE_MJPEG_NVJPEG_PROBE): ffprobe$(PROGSSUF)$(EXESUF)

FATE_HW-yes += $(FATE_MJPEG_NVJPEG-yes)
fate-mjpeg-nvjpeg: $(FATE_MJPEG_NVJPEG-yes)
