/** gpu.js on WebGL 2: fragment shaders over textures whose elements are four numbers. */

import { readArray } from '../shaders/indexing.js';
import { NATIVE_FUNCTIONS, readTexture } from '../shaders/native.js';
import type { Program } from '../shaders/program.js';
import { WEBGL_MAX_ARRAYS } from '../thresholds.js';
import { saturatingThreadsOf } from './adapter.js';
import { addFunctions, kernelSettings, kernelSource } from './compile.js';
import type { CompileOptions, Device, GpuKernel } from './device.js';
import { deviceLost, errorsOf, outcome, outOfMemory, settle } from './faults.js';
import type { GpuInstance, GpuJs, GpuJsKernel, WebGl } from './gpu-js.js';
import { deferCompileChecks } from './webgl-compile.js';

/**
 * The output as columns and rows, even if it is one row: gpu.js has a texture class for each number of dimensions, and
 * compiles a kernel again for each class of its arguments.
 */
const inRows = (output: readonly number[]): number[] => [output[0]!, output[1] ?? 1];

/** The results of a kernel with extra outputs, which gpu.js returns by name. */
function resultsOf(given: unknown): unknown[] {
  const { result, ...more } = given as { readonly result: unknown };
  return [result, ...Object.values(more)];
}

/**
 * Resizes a kernel. gpu.js reuses a texture that was passed to the kernel before and that is no longer referenced.
 * After a resize it would have the old size, so it is deleted.
 */
function resize(kernel: GpuJsKernel, output: Program['output']): void {
  kernel.setOutput(inRows(output));
  for (const argument of kernel.kernel.kernelArguments ?? []) {
    argument.prevArg?.delete();
    argument.prevArg = null;
  }
}

/** A WebGL 2 context that can draw into float textures, or null. Its canvas is not shown. */
export function webGlContext(): WebGl | null {
  const offscreen = (): OffscreenCanvas | null =>
    typeof OffscreenCanvas === 'undefined' ? null : new OffscreenCanvas(1, 1);
  const canvas = typeof document === 'undefined' ? offscreen() : document.createElement('canvas');
  const gl = canvas?.getContext('webgl2', { alpha: false, depth: false, antialias: false }) as WebGl | null | undefined;
  return gl?.getExtension('EXT_color_buffer_float') ? gl : null;
}

/**
 * gpu.js without its validation, which tests the driver for a fifth of a second: whether it writes floats, which
 * `webGlContext` checks, and whether it divides integers exactly, on which no shader relies.
 */
function withoutValidation(gpuJs: GpuJs): GpuInstance {
  gpuJs.GPU.disableValidation();
  try {
    return new gpuJs.GPU({ mode: 'webgl2' });
  } finally {
    gpuJs.GPU.enableValidation();
  }
}

/** Compiles programs for textures of at most `side` columns and rows. */
function webGlCompiler(gpu: GpuInstance, gl: WebGl, side: number) {
  /** By default gpu.js makes its canvas as large as the largest texture. */
  const canvas = { width: 1, height: 1 };
  const layoutOf = ([width, height = 1]: Program['output']) =>
    Math.max(height > 1 ? width : 1, height) <= side ? 'columns and rows' : 'row';
  return {
    layoutOf,
    compile(program: Program, { resident, fromHost, kinds }: CompileOptions): GpuKernel {
      const { arrays, vec4Arrays = [], output } = program;
      const isVec4 = (array: string): boolean => vec4Arrays.includes(array) || kinds[arrays.indexOf(array)] === 'f';
      const types = arrays.map((a) => (fromHost ? 'Array' : `ArrayTexture(${isVec4(a) ? 4 : 1})`));
      const layout = layoutOf(output);
      const settings = kernelSettings(program, layout, types, resident);
      const kernel = gpu.createKernel(kernelSource(program, layout, fromHost ? readArray : readTexture(isVec4)), {
        ...settings,
        output: resident ? inRows(settings.output) : settings.output,
        ...{ context: gl, canvas, validate: false },
      });
      return {
        run: (args) => (program.extraOutputs ? resultsOf(kernel(...args)) : kernel(...args)),
        resize: (next) => (resident ? resize(kernel, next) : kernel.setOutput(next)),
        destroy: () => kernel.destroy(),
      };
    },
  };
}

/** The device of a WebGL 2 context. */
export function webGlDevice(gpuJs: GpuJs, gl: WebGl): Device {
  const gpu = withoutValidation(gpuJs);
  for (const { name, source, types } of NATIVE_FUNCTIONS) gpu.addNativeFunction(name, source, types);
  addFunctions(
    gpu,
    NATIVE_FUNCTIONS.map(({ name }) => name),
  );
  const compileError = deferCompileChecks(gl);
  const requireAlive = (): void => {
    if (gl.isContextLost()) throw deviceLost('the WebGL context was lost.');
  };
  const side = Number(gl.getParameter(gl.MAX_TEXTURE_SIZE));
  const unmasked = gl.getExtension('WEBGL_debug_renderer_info');
  const adapter = String(gl.getParameter(unmasked?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  const { layoutOf, compile } = webGlCompiler(gpu, gl, side);
  return {
    info: { mode: 'webgl2', adapter, maxBufferBytes: 4 * side * side },
    vec4: 'textures',
    maxArrays: WEBGL_MAX_ARRAYS,
    maxBlocks: Number(gl.getParameter(gl.MAX_DRAW_BUFFERS)),
    maxRows: side,
    saturatingThreads: saturatingThreadsOf(adapter),
    fusesSums: false,
    resizes: (output) => layoutOf(output) === 'columns and rows',
    compile,
    planSupport: null, // slower than single kernels
    replaySupport: null,
    requireAlive,
    watched: async (act) => {
      requireAlive();
      const settled = await settle(act);
      requireAlive(); // a lost context returns old numbers
      const refused = compileError();
      if (refused) throw deviceLost(`the WebGL context refused a call: ${refused}`);
      if (errorsOf(gl).includes(gl.OUT_OF_MEMORY)) throw outOfMemory();
      return outcome(settled, 'the WebGL context');
    },
    dispose() {
      void gpu.destroy();
      gl.getExtension('WEBGL_lose_context')?.loseContext(); // frees it immediately: a page has only a few contexts
    },
  };
}
