/**
 * The modes of gpu.js that the backend runs in. `webgpu`: compute shaders. `webgl2`: fragment shaders on float
 * textures. `webasm` and `cpu` need no GPU: they are gpu.js's own WebAssembly and JavaScript.
 */
export const GPU_MODES = ['webgpu', 'webgl2', 'webasm', 'cpu'] as const;

/** A mode of gpu.js. */
export type GpuMode = (typeof GPU_MODES)[number];
