/** gpu.js on WebGL 2: fragment shaders over textures of four numbers an element. */
import { settings, source } from './compile.js';
import type { Device } from './device.js';
import { errorsOf, lost, noMemory, outcome, settled } from './faults.js';
import type { GpuInstance, Made } from './gpu-js.js';
import type { Program } from './values.js';
import { compileLater } from './webgl-shaders.js';

/** WebGL 2 has at least 16 texture units; gpu.js makes its textures in the last of these. */
const MOST_ARRAYS = 8;

/** A number of the four that element `e` is in. */
const PICK = 'float pick(vec4 v, float e) { return v[int(e) & 3]; }';

/** s + w E, where E has four rows. */
const PLUS =
  'vec4 plus(vec4 s, vec4 w, vec4 e0, vec4 e1, vec4 e2, vec4 e3) { return s + w.x * e0 + w.y * e1 + w.z * e2 + w.w * e3; }';

/** Drivers that compute on the processor. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

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

export function webGlDevice(gpu: GpuInstance): Device {
  gpu.addNativeFunction('pick', PICK);
  gpu.addNativeFunction('plus', PLUS);
  gpu.createKernel('function () { return 1; }', { output: [1] })(); // the context is there from the first kernel on
  const gl = gpu.context!;
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
    info: { mode: 'webgl2', adapter, largestMatrix: 4 * side * side },
    fours: 'textures',
    mostArrays: MOST_ARRAYS,
    mostResults: Number(gl.getParameter(gl.MAX_DRAW_BUFFERS)),
    atOnce: SOFTWARE.test(adapter) ? 64 : 8192,
    resizes: (output) => threadsOf(output) === 'columns and rows',
    compile(program, { stays, fromHere, kinds }) {
      const { arrays, fours = [], output } = program;
      const isFours = (array: string): boolean => fours.includes(array) || kinds[arrays.indexOf(array)] === 'f';
      const types = arrays.map((a) => (fromHere ? 'Array' : `ArrayTexture(${isFours(a) ? 4 : 1})`));
      const threads = threadsOf(output);
      const how = settings(program, threads, types, stays);
      const made = gpu.createKernel(source(program, threads, isFours), {
        ...how,
        output: stays ? inRows(how.output) : how.output,
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
    dispose: () => void gpu.destroy(),
  };
}
