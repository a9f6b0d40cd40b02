/** The device of WebGL 2, over a context and a gpu.js that note what they are asked. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { UnspoolError } from '../../src/errors.js';
import type { GpuJs, WebGl } from '../../src/kernels/gpu/device/gpu-js.js';
import { webGlContext, webGlDevice } from '../../src/kernels/gpu/device/webgl.js';
import { deferCompileChecks } from '../../src/kernels/gpu/device/webgl-compile.js';
import { FUNCTIONS } from '../../src/kernels/gpu/shaders/functions.js';
import { at } from '../../src/kernels/gpu/shaders/indexing.js';
import { NATIVE_FUNCTIONS } from '../../src/kernels/gpu/shaders/native.js';
import { program } from '../../src/kernels/gpu/shaders/program.js';
import { GPU_THREADS, SOFTWARE_THREADS } from '../../src/kernels/gpu/thresholds.js';
import { rejected, thrown } from '../support/errors.js';

interface Shader {
  readonly compiled: boolean;
  readonly log: string | null;
}
interface Linked {
  readonly shaders: readonly Shader[] | null;
  readonly linked: boolean;
  readonly log: string | null;
}

/** A context with the methods on its prototype, as in a browser. */
class FakeGl {
  readonly MAX_TEXTURE_SIZE = 1;
  readonly MAX_DRAW_BUFFERS = 2;
  readonly RENDERER = 3;
  readonly COMPILE_STATUS = 4;
  readonly LINK_STATUS = 5;
  readonly NO_ERROR = 0;
  readonly OUT_OF_MEMORY = 0x505;
  readonly log: unknown[] = [];
  readonly extensions = new Set(['EXT_color_buffer_float', 'WEBGL_lose_context']);
  renderer = 'a GPU';
  lost = false;
  errors: number[] = [];

  isContextLost = () => this.lost;
  getError(): number {
    return this.errors.shift() ?? 0;
  }
  getParameter(name: number): unknown {
    return new Map<number, unknown>([
      [1, 6],
      [2, 8],
      [3, this.renderer],
      [9, 'the unmasked name'],
    ]).get(name);
  }
  getExtension(name: string): object | null {
    if (!this.extensions.has(name)) return null;
    return { UNMASKED_RENDERER_WEBGL: 9, loseContext: () => this.log.push('lose') };
  }
  bindAttribLocation(...args: unknown[]): void {
    this.log.push(['bind', ...args.slice(1)]);
  }
  shaderSource(_: object, text: string): void {
    this.log.push(text);
  }
  linkProgram(program: unknown): void {
    this.log.push(['link', program]);
  }
  getAttachedShaders({ shaders }: Linked) {
    return shaders;
  }
  getShaderParameter({ compiled }: Shader, name: number): boolean {
    return compiled && name === 4;
  }
  getShaderInfoLog({ log }: Shader) {
    return log;
  }
  getProgramParameter({ linked }: Linked, name: number): boolean {
    return linked && name === 5;
  }
  getProgramInfoLog({ log }: Linked) {
    return log;
  }
}
const asGl = (gl: FakeGl) => gl as unknown as WebGl;

const RIGHT: Linked = { shaders: [{ compiled: true, log: null }], linked: true, log: null };
const withShader = (log: string | null): Linked => ({
  ...RIGHT,
  shaders: [...RIGHT.shaders!, { compiled: false, log }],
});

describe('compile checks', () => {
  test('are answered with yes, and made when the returned function is called', () => {
    const fake = new FakeGl();
    const gl = asGl(fake);
    const check = deferCompileChecks(gl);
    expect(gl.getShaderParameter({ compiled: false }, gl.COMPILE_STATUS)).toBe(true);
    gl.shaderSource({}, 'float unused() {\n  return 1.0;\n}\nvoid main() {\n}\n');
    expect(fake.log.splice(0)).toEqual(['\nvoid main() {\n}\n']);
    const found = [
      RIGHT,
      { ...RIGHT, shaders: null },
      withShader('line 3'),
      withShader(null),
      { ...RIGHT, linked: false, log: 'too long' },
      { ...RIGHT, linked: false },
    ].map((linked) => {
      gl.linkProgram(linked);
      return check();
    });
    expect(found).toEqual([
      null,
      null,
      'a shader does not compile: line 3',
      'a shader does not compile: no reason given',
      'a shader does not link: too long',
      'a shader does not link: no reason given',
    ]);
    expect(check()).toBe(null);
    for (const linked of [RIGHT, withShader('second'), withShader('third')]) gl.linkProgram(linked);
    expect([check(), check()]).toEqual(['a shader does not compile: second', null]);
    expect(fake.log.slice(0, 3)).toEqual([
      ['bind', 0, 'aPos'],
      ['bind', 1, 'aTexCoord'],
      ['link', RIGHT],
    ]);
    expect(fake.log).toHaveLength(27);
    const { getAttribLocation } = fake as unknown as { getAttribLocation(program: object, name: string): number };
    expect(['aPos', 'aTexCoord', 'other'].map((name) => getAttribLocation({}, name))).toEqual([0, 1, -1]);
  });
});

/** gpu.js, whose kernels return their arguments. */
function fakeGpuJs() {
  const log: unknown[] = [];
  const kernels: { source: string; settings: Record<string, unknown>; kernelArguments: unknown[] | null }[] = [];
  class GPU {
    constructor({ mode }: { mode: string }) {
      log.push(mode);
    }
    static disableValidation = () => log.push('disable');
    static enableValidation = () => log.push('enable');
    addFunction = (source: string, types: unknown) => log.push([source, types]);
    addNativeFunction = (name: string, source: string, types: unknown) => log.push([name, source, types]);
    destroy = () => log.push('destroyed');
    createKernel(source: string, settings: Record<string, unknown>) {
      const kernel = { source, settings, kernelArguments: null };
      kernels.push(kernel);
      const run = (...args: unknown[]) => (settings.subKernels ? { result: args, also1: 'one', also2: 'two' } : args);
      return Object.assign(run, {
        kernel,
        setOutput: (output: unknown) => log.push(['output', output]),
        destroy: () => log.push('kernel destroyed'),
      });
    }
  }
  return { gpuJs: { GPU } as unknown as GpuJs, log, kernels };
}

function opened(change: (gl: FakeGl) => void = () => {}) {
  const gl = new FakeGl();
  change(gl);
  const { gpuJs, log, kernels } = fakeGpuJs();
  return { gl, log, kernels, device: webGlDevice(gpuJs, asGl(gl)) };
}

describe('the device', () => {
  test('has the limits of the context', () => {
    const { device, log } = opened();
    expect(device).toMatchObject({
      info: { mode: 'webgl2', adapter: 'a GPU', maxBufferBytes: 4 * 36 },
      ...{ vec4: 'textures', maxArrays: 8, maxBlocks: 8, maxRows: 6, saturatingThreads: GPU_THREADS, fusesSums: false },
      ...{ planSupport: null, replaySupport: null },
    });
    expect(log.slice(0, 3)).toEqual(['disable', 'webgl2', 'enable']);
    expect(log.slice(3, 3 + NATIVE_FUNCTIONS.length)).toEqual(
      NATIVE_FUNCTIONS.map(({ name, source, types }) => [name, source, types]),
    );
    const own = FUNCTIONS.filter(({ name }) => name !== 'power2').map(({ source }) => [
      source,
      { argumentTypes: ['Float'], returnType: 'Float' },
    ]);
    expect(log.slice(3 + NATIVE_FUNCTIONS.length)).toEqual(own);
    expect(own).toHaveLength(FUNCTIONS.length - 1);
  });

  test('has functions that read textures of vec4 values and of numbers', () => {
    const fetches = NATIVE_FUNCTIONS.slice(0, 3).map(({ name, source, types }) => [
      ...[name, source.split('(')[0], /float i = (.+);/.exec(source)![1], /\/ s\)(.*);/.exec(source)![1]],
      types,
    ]);
    const typesOf = (t: string, returnType: string) => ({ argumentTypes: { t, n: 'Number' }, returnType });
    expect(fetches).toEqual([
      ['texel', 'vec4 texel', 'n', '', typesOf('ArrayTexture(4)', 'Array(4)')],
      ['single', 'float single', 'n', '.x', typesOf('ArrayTexture(1)', 'Number')],
      ['pick', 'float pick', 'floor(n * 0.25)', '[int(n - 4.0 * i)]', typesOf('ArrayTexture(4)', 'Number')],
    ]);
  });

  test('has the name that the driver hides, where it can be read', () => {
    expect(opened((gl) => gl.extensions.add('WEBGL_debug_renderer_info')).device.info.adapter).toBe(
      'the unmasked name',
    );
    const software = opened((gl) => {
      gl.renderer = 'Google SwiftShader';
    });
    expect(software.device.saturatingThreads).toBe(SOFTWARE_THREADS);
  });

  test('resizes kernels of one row, and of no more rows and columns than a texture has', () => {
    const { device } = opened();
    const sizes = [[100], [100, 1], [6, 6], [1, 6], [7, 2], [2, 7], [1, 7]] as const;
    expect(sizes.map((size) => device.resizes(size))).toEqual([true, true, true, true, false, false, false]);
  });

  test('compiles programs over textures of vec4 values and of single numbers', () => {
    const { device, kernels, gl } = opened();
    const body = `return ${at('a', 'x')} + ${at('b', 'x')} + ${at('c', 'x')};`;
    const one = { ...program([3, 2], ['a', 'b', 'c'], body, { scalars: ['s'], sizes: { n: 1 } }), vec4Arrays: ['a'] };
    device.compile(one, { resident: true, fromHost: false, kinds: 'ssf' });
    device.compile(one, { resident: true, fromHost: true, kinds: 'ssf' });
    device.compile(program([5], ['a'], body), { resident: false, fromHost: false, kinds: 's' });
    device.compile(program([5], ['a'], body), { resident: true, fromHost: false, kinds: 'f' });
    device.compile(program([7, 2], ['a'], 'return 0;', { sizes: {} }), { resident: true, fromHost: false, kinds: 's' });
    const [mixed, host, read, row, large] = kernels;
    expect(mixed!.settings).toMatchObject({
      ...{ output: [3, 2], dynamicOutput: true, pipeline: true, immutable: true, precision: 'single', validate: false },
      ...{ tactic: 'precision', dynamicArguments: true, loopMaxIterations: 2 ** 24, canvas: { width: 1, height: 1 } },
    });
    expect(mixed!.settings.context).toBe(gl);
    expect(mixed!.settings.argumentTypes).toEqual([
      ...['ArrayTexture(4)', 'ArrayTexture(1)', 'ArrayTexture(4)'],
      ...['Integer', 'Integer', 'Integer', 'Integer', 'Float'],
    ]);
    expect(mixed!.source).toMatch('return pick(in_a, from_a + x) + single(in_b, from_b + x) + pick(in_c, from_c + x);');
    expect((host!.settings.argumentTypes as string[]).slice(0, 4)).toEqual(['Array', 'Array', 'Array', 'Integer']);
    expect(host!.source).toMatch('return in_a[from_a + x] + in_b[from_b + x]');
    expect([read!.settings.output, read!.settings.pipeline]).toEqual([[5], false]);
    expect([row!.settings.output, row!.settings.dynamicOutput]).toEqual([[5, 1], false]);
    expect([large!.settings.output, large!.settings.dynamicOutput]).toEqual([[14, 1], false]);
    expect(large!.source).toMatch('const flat = this.thread.x;');
    expect((large!.settings.argumentTypes as string[])[1]).toBe('Float');
  });

  test('runs, resizes and destroys kernels', () => {
    const { device, kernels, log } = opened();
    const options = { resident: true, fromHost: false, kinds: 's' };
    const plain = device.compile(program([3], ['a'], 'return 0;', { sizes: {} }), options);
    const several = device.compile({ ...program([3], ['a'], 'return 0;'), extraOutputs: 2 }, options);
    expect([plain.run(['x', 1]), several.run(['y', 2])]).toEqual([
      ['x', 1],
      [['y', 2], 'one', 'two'],
    ]);
    expect(kernels[1]!.settings.subKernels).toEqual([
      { name: 'also1', property: 'also1', source: 'function also1(s, t, u, v) { return [s, t, u, v]; }' },
      { name: 'also2', property: 'also2', source: 'function also2(s, t, u, v) { return [s, t, u, v]; }' },
    ]);
    log.length = 0;
    plain.resize([9]); // it has no arguments yet
    const textures = [{ prevArg: { delete: () => log.push('deleted') } }, { prevArg: null }];
    kernels[0]!.kernelArguments = textures;
    plain.resize([4, 2]);
    expect(textures).toEqual([{ prevArg: null }, { prevArg: null }]);
    const read = device.compile(program([3], ['a'], 'return 0;'), { ...options, resident: false });
    read.resize([7]);
    plain.destroy();
    expect(log).toEqual([['output', [9, 1]], ['output', [4, 2]], 'deleted', ['output', [7]], 'kernel destroyed']);
  });

  test('reports what the context reports while it runs', async () => {
    const { device, gl, log } = opened();
    expect(await device.watched(async () => 5)).toBe(5);
    gl.errors = [0x502];
    expect(await device.watched(async () => 6)).toBe(6);
    gl.errors = [0x502, 0x505];
    expect((await rejected(() => device.watched(async () => 7))).code).toBe('OUT_OF_MEMORY');
    gl.errors = new Array(8).fill(0x502).concat(0x505);
    expect(await device.watched(async () => 8)).toBe(8); // a context that always reports an error does not block
    expect(gl.errors).toHaveLength(0);
    const broken = rejected(() => device.watched(() => Promise.reject(new TypeError('no shader'))));
    expect((await broken).message).toMatch(/^the GPU was lost: the WebGL context refused a call: no shader E/);
    const own = new UnspoolError({ code: 'DISPOSED', what: 'it' });
    expect(await rejected(() => device.watched(() => Promise.reject(own)))).toBe(own);
    const refused = await rejected(() => device.watched(async () => asGl(gl).linkProgram(withShader('line 3'))));
    expect(refused.message).toMatch(
      /^the GPU was lost: the WebGL context refused a call: a shader does not compile: line 3 E/,
    );
    const lost = await rejected(() =>
      device.watched(async () => {
        gl.lost = true;
        throw own;
      }),
    );
    expect([lost.code, thrown(() => device.requireAlive()).code]).toEqual(['DEVICE_LOST', 'DEVICE_LOST']);
    let began = false;
    const later = device.watched(async () => {
      began = true;
    });
    expect([(await rejected(() => later)).message, began]).toEqual([lost.message, false]);
    device.dispose();
    expect([log.at(-1), gl.log.at(-1)]).toEqual(['destroyed', 'lose']);
  });
});

describe('a context', () => {
  const global = globalThis as unknown as Record<string, unknown>;
  afterEach(() => {
    delete global.OffscreenCanvas;
    delete global.document;
  });
  const asked: unknown[] = [];
  const canvasOf = (gl: FakeGl | null) => ({
    getContext(...args: unknown[]) {
      asked.push(args);
      return gl;
    },
  });
  const offscreen = (gl: FakeGl | null) =>
    class {
      constructor(...size: number[]) {
        asked.push(size);
        Object.assign(this, canvasOf(gl));
      }
    };

  test('is that of a page, or of an off-screen canvas, if it can write floats', () => {
    expect(webGlContext()).toBe(null);
    const [gl, without] = [new FakeGl(), new FakeGl()];
    without.extensions.clear();
    global.OffscreenCanvas = offscreen(gl);
    expect(webGlContext()).toBe(gl);
    const settings = ['webgl2', { alpha: false, depth: false, antialias: false }];
    expect(asked.splice(0)).toEqual([[1, 1], settings]);
    for (const none of [null, without]) {
      global.OffscreenCanvas = offscreen(none);
      expect(webGlContext()).toBe(null);
    }
    asked.length = 0;
    global.document = {
      createElement(name: string) {
        asked.push(name);
        return canvasOf(gl);
      },
    };
    expect(webGlContext()).toBe(gl);
    expect(asked).toEqual(['canvas', settings]);
  });
});
