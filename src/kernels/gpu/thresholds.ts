/** Every size at which the backend changes its method, and every limit that it keeps. */

// ---- limits of number formats and platforms

/** Elements that one kernel reads or writes. Kernels index in 32-bit floats, which hold every integer up to this. */
export const MAX_ELEMENTS = 2 ** 24;

/** Elements of a matrix that WebGL 2 reads as vec4 values: the index arithmetic also needs exact halves. */
export const MAX_TEXTURE_VEC4_SIZE = 2 ** 23;

/** Arrays of one kernel: WebGPU guarantees 8 storage buffers, one of which is the result. */
export const WEBGPU_MAX_ARRAYS = 7;

/** Arrays of one kernel: WebGL 2 guarantees 16 texture units, and gpu.js uses the last of them for new textures. */
export const WEBGL_MAX_ARRAYS = 8;

/** Side of the workgroups of gpu.js. */
export const WORKGROUP_SIDE = 8;

// ---- vec4 values. Chosen by the time of an update of W1, G1 and W2 (docs/gpu.md) on software drivers, not on a GPU.

/** Elements of the largest matrix from which a WebGPU thread writes four numbers. Plans run scalar results only. */
export const MIN_VEC4_RESULT_SIZE = 16384;

/** Multiplications from which a WebGPU thread writes four numbers of a product. Below, the model can run as a plan. */
export const MIN_VEC4_PRODUCT = 2 ** 20;

/** Multiplications from which WebGL 2 packs scalar operands into vec4 values for a product. */
export const MIN_TEXTURE_PRODUCT = 16384;

// ---- work of one thread

/** Terms that one loop iteration of a scalar product adds. */
export const PRODUCT_UNROLL = 4;

/** Blocks of rows that one thread of a product may compute: eight take twelve reads for 128 multiplications. */
export const PRODUCT_BLOCKS = [8, 4, 2] as const;

/** Blocks of rows that one WebGPU thread may compute. On WebGL 2 the driver's number of render targets decides. */
export const WEBGPU_MAX_BLOCKS = 8;

/** Numbers that one thread of a sum adds. */
export const SUM_PER_THREAD = 64;

/** Threads that keep a GPU, or a software driver, busy. With more threads, each may do more work. */
export const GPU_THREADS = 8192;
export const SOFTWARE_THREADS = 64;

/**
 * Multiplications up to which the cell's kernel computes the product that it reads, on a GPU: one dispatch less a time
 * step. Measured as host time of an update on a driver that computes nothing: W2 21 to 16 ms, W3 26 to 20, W4 80 to 48.
 */
export const MAX_FUSED_TERMS = 2 ** 27;

// ---- transfers and runs

/** Size up to which a constant fill is uploaded with the batch. A kernel generates larger ones. */
export const MAX_UPLOADED_CONSTANT = 65536;

/** Size from which a sum over several pieces runs piece by piece. Smaller matrices are concatenated first. */
export const MIN_SPLIT_SIZE = 2 ** 17;

/** Size up to which downloads that are requested together become one read. */
export const MAX_JOINED_READ = 64;

/** Recorded calls after which a run starts without a read. */
export const MAX_RECORDED_CALLS = 4096;

/** Numbers that a plan on WebGPU may upload and download: in larger models the transfers cost more than dispatches. */
export const MAX_PLAN_NUMBERS = 2 ** 18;

// ---- caches. If one is full, kernels and plans are dropped one by one, the least recently used first; programs, all.

export const MAX_CACHED_SHADERS = 4096;
export const MAX_CACHED_KERNELS = 1024;
export const MAX_CACHED_PLANS = 16;
export const MAX_CACHED_TRACES = 16;

/** Instructions between two runs up to which they may be replayed. */
export const MAX_TRACE_LENGTH = 2 ** 15;

/** Replays of one trace that are made, without one that runs, before no more are made. */
export const MAX_REPLAY_ATTEMPTS = 4;
