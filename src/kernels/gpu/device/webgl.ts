/** gpu.js on WebGL 2: fragment shaders over textures of four numbers an element. */

import { plainly } from '../shaders/indexing.js';
import { fetched, NATIVE } from '../shaders/native.js';
import type { Program } from '../shaders/program.js';
import { atOnceOf } from './adapter.js';
import { settings, source } from './compile.js';
import type { Device } from './device.js';
import { errorsOf, lost, noMemory, outcome, settled } from './faults.js';
import type { GpuInstance, GpuJs, Made, WebGl } from './gpu-js.js';
import { compileLater } from './webgl-shaders.js';

/** WebGL 2 has at least 16 texture units; gpu.js makes its textures in the last of these. */
const MOST_ARRAYS = 8;

/**
 * With columns and rows, be it one row: gpu.js has a class of textures for each number of dimensions, and compiles a kernel
 * for each class that it is given.
 */
const inRows = (output: readonly number[]): number[] => [output[0]!, output[1] ?? 1];

/** What gpu.js gives of a kernel with further results: one, and the others by name. */
function resultsOf(given: unknown): unknown[] {
  const { result, ...more } = given as { readonly result: unknown };
  return [result, ...Object.values(more)];
}

/**
 * gpu.js has a kernel write into a texture again that it was given before, once nobody else holds it: which is of the old
 * size, where the kernel has got another one.
 */
function resize(made: Made, output: Program['output']): void {
  made.setOutput(inRows(output));
  for (const seat of made.kernel.kernelArguments ?? []) {
    seat.prevArg?.delete();
    seat.prevArg = null;
  }
}

/** What draws into textures of floats, or null: there is no WebGL 2, or it cannot. Its canvas shows nothing. */
export function webGlContext(): WebGl | null {
  const offscreen = (): OffscreenCanvas | null =>
    typeof OffscreenCanvas === 'undefined' ? null : new OffscreenCanvas(1, 1);
  const canvas = typeof document === 'undefined' ? offscreen() : document.createElement('canvas');
  const gl = canvas?.getContext('webgl2', { alpha: false, depth: false, antialias: false }) as WebGl | null | undefined;
  return gl?.getExtension('EXT_color_buffer_float') ? gl : null;
}

/**
 * gpu.js would first try out for a fifth of a second what the driver can do: whether it writes floats, which is asked above,
 * and whether it divides whole numbers exactly, which no text here counts on.
 */
function untried(gpuJs: GpuJs): GpuInstance {
  gpuJs.GPU.disableValidation();
  try {
    return new gpuJs.GPU({ mode: 'webgl2' });
  } finally {
    gpuJs.GPU.enableValidation();
  }
}

export function webGlDevice(gpuJs: GpuJs, gl: WebGl): Device {
  const gpu = untried(gpuJs);
  for (const { name, source, types } of NATIVE) gpu.addNativeFunction(name, source, types);
  /** gpu.js makes it as large as the largest texture, for nothing. */
  const canvas = { width: 1, height: 1 };
  const problem = compileLater(gl);
  const requireAlive = (): void => {
    if (gl.isContextLost()) throw lost('the WebGL context was lost.');
  };
  const side = Number(gl.getParameter(gl.MAX_TEXTURE_SIZE));
  const unmasked = gl.getExtension('WEBGL_debug_renderer_info');
  const adapter = String(gl.getParameter(unmasked?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  /** Columns and rows are those of the texture, where it may have so many. */
  const threadsOf = ([width, height = 1]: Program['output']) =>
    Math.max(height > 1 ? width : 1, height) <= side ? 'columns and rows' : 'row';
  return {
    info: { mode: 'webgl2', adapter, largestPiece: 4 * side * side },
    fours: 'textures',
    mostArrays: MOST_ARRAYS,
    mostBlocks: Number(gl.getParameter(gl.MAX_DRAW_BUFFERS)),
    mostRows: side,
    atOnce: atOnceOf(adapter),
    fuses: false,
    resizes: (output) => threadsOf(output) === 'columns and rows',
    compile(program, { stays, fromHere, kinds }) {
      const { arrays, fours = [], output } = program;
      const isFours = (array: string): boolean => fours.includes(array) || kinds[arrays.indexOf(array)] === 'f';
      const types = arrays.map((a) => (fromHere ? 'Array' : `ArrayTexture(${isFours(a) ? 4 : 1})`));
      const threads = threadsOf(output);
      const how = settings(program, threads, types, stays);
      const made = gpu.createKernel(source(program, threads, fromHere ? plainly : fetched(isFours)), {
        ...how,
        output: stays ? inRows(how.output) : how.output,
        ...{ context: gl, canvas, validate: false },
      });
      return {
        run: (args) => (program.also ? resultsOf(made(...args)) : made(...args)),
        resize: (next) => (stays ? resize(made, next) : made.setOutput(next)),
        destroy: () => made.destroy(),
      };
    },
    plans: null, // slower than kernel by kernel
    requireAlive,
    watched: async (act) => {
      requireAlive();
      const acted = await settled(act);
      requireAlive(); // a lost context answers with whatever stood there
      const refused = problem();
      if (refused) throw lost(`the WebGL context refused a call: ${refused}`);
      if (errorsOf(gl).includes(gl.OUT_OF_MEMORY)) throw noMemory();
      return outcome(acted, 'the WebGL context');
    },
    dispose() {
      void gpu.destroy();
      gl.getExtension('WEBGL_lose_context')?.loseContext(); // at once: a page has few of them
    },
  };
}
