/** The devices of WebGPU and of the modes without a GPU, over a gpu.js that notes what it is asked. */
import { describe, expect, test } from '@jest/globals';
import { UnspoolError } from '../../src/errors.js';
import { fusesSumsOn, saturatingThreadsOf } from '../../src/kernels/gpu/device/adapter.js';
import { kernelSettings, kernelSource } from '../../src/kernels/gpu/device/compile.js';
import { plainDevice } from '../../src/kernels/gpu/device/plain.js';
import { webGpuDevice } from '../../src/kernels/gpu/device/webgpu.js';
import { FUNCTIONS } from '../../src/kernels/gpu/shaders/functions.js';
import { at } from '../../src/kernels/gpu/shaders/indexing.js';
import { type Program, program } from '../../src/kernels/gpu/shaders/program.js';
import { rejected, thrown } from '../support/errors.js';
import { contextOf, fakeGpuJs, SHADER } from './gpu-js.js';

test('what the name of an adapter implies', () => {
  const names = [
    'NVIDIA GeForce',
    'llvmpipe (LLVM 15)',
    'Google SwiftShader',
    'Softpipe',
    'Microsoft Basic Render Driver',
  ];
  expect(names.map(fusesSumsOn)).toEqual([true, false, false, false, false]);
  expect(names.map(saturatingThreadsOf)).toEqual([8192, 64, 64, 64, 64]);
});

describe('a kernel of gpu.js', () => {
  const one: Program = program([3, 2], ['a', 'b'], `return ${at('a', 'y * n + x')} * s;`, {
    ...{ scalars: ['s'], sizes: { n: 3 } },
  });

  test('has the arrays, where they begin, the sizes and the scalars as arguments', () => {
    expect(kernelSource(one, 'columns and rows')).toBe(
      'function (in_a, in_b, from_a, from_b, n, s) {\nconst x = this.thread.x; const y = this.thread.y;\nreturn in_a[from_a + y * n + x] * s;\n}',
    );
    expect(kernelSource(program([3], [], 'return x;'), 'row')).toBe(
      'function () {\nconst x = this.thread.x;\nreturn x;\n}',
    );
    const source = kernelSource(program([3, 2], [], 'return [x, y];'), 'row');
    const kernel = new Function(`return ${source};`)() as (this: object) => number[];
    const places = [0, 1, 2, 3, 4, 5].map((x) => kernel.call({ thread: { x } }));
    expect(places).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
  });

  test('has settings for its layout', () => {
    const common = {
      ...{ precision: 'single', tactic: 'precision', dynamicArguments: true, loopMaxIterations: 2 ** 24 },
    };
    expect(kernelSettings(one, 'columns and rows', ['A', 'B'], true)).toEqual({
      ...{ ...common, output: [3, 2], dynamicOutput: true, pipeline: true, immutable: true },
      argumentTypes: ['A', 'B', 'Integer', 'Integer', 'Integer', 'Float'],
    });
    expect(kernelSettings(one, 'row', ['A', 'B'], false)).toEqual({
      ...{ ...common, output: [6], dynamicOutput: false, pipeline: false, immutable: false },
      argumentTypes: ['A', 'B', 'Float', 'Float', 'Float', 'Float'],
    });
    const fixed = { ...program([5], [], 'return 1;'), extraOutputs: 1 };
    expect(kernelSettings(fixed, 'row', [], true)).toMatchObject({ output: [5], dynamicOutput: false });
    expect(kernelSettings(fixed, 'columns and rows', [], true)).toMatchObject({
      ...{ output: [5], dynamicOutput: false, argumentTypes: [], subKernels: [{ name: 'also1' }] },
    });
  });
});

describe('WebGPU', () => {
  const opened = (options: Parameters<typeof contextOf>[0] = {}) => {
    const { gpuJs, ...rest } = fakeGpuJs();
    const context = contextOf(options);
    return { ...rest, context, device: webGpuDevice(gpuJs, context) };
  };

  test('has the limits and the name of its adapter', () => {
    const { device, log, Input } = opened({ info: { vendor: 'nvidia', architecture: '', description: 'RTX' } });
    expect(device).toMatchObject({
      info: { mode: 'webgpu', adapter: 'nvidia RTX', maxBufferBytes: 900 },
      ...{ vec4: 'results', maxArrays: 7, maxBlocks: 8, maxRows: 16, saturatingThreads: 8192, fusesSums: true },
      planSupport: { threads: 'columns and rows', maxNumbers: 2 ** 18 },
    });
    expect(device.planSupport!.Input).toBe(Input);
    expect([log[0], log.length]).toEqual(['webgpu', 1 + FUNCTIONS.length]);
    expect(opened().device.info.adapter).toBe('unnamed');
    const software = opened({ info: { vendor: '', architecture: '', description: 'llvmpipe' } }).device;
    expect([software.info.adapter, software.saturatingThreads, software.fusesSums]).toEqual(['llvmpipe', 64, false]);
    const sizes = [[100], [16, 16], [17, 2], [2, 17]] as const;
    expect(sizes.map((size) => device.resizes(size))).toEqual([true, true, false, false]);
    const buffer = { size: 40 };
    expect(device.replaySupport!.handle(buffer as never)).toMatchObject({
      buffer,
      output: [10],
      componentCount: 1,
      kernel: null,
    });
    device.dispose();
    expect(log.at(-1)).toBe('destroyed');
  });

  const OPTIONS = { resident: true, fromHost: false, kinds: '' };
  const wgsl = { rows: 3, body: 'result[0] = user_inu_ua[0];' };

  test('compiles programs over buffers, and with their own WGSL', async () => {
    const { device, kernels, log } = opened();
    const plain = device.compile(program([3, 7], ['a'], 'return 0;', { sizes: {} }), OPTIONS);
    const host = device.compile(program([3], ['a'], 'return 0;'), { ...OPTIONS, fromHost: true, resident: false });
    const own: Program = { ...program([3, 7], ['a'], 'return 0;', { sizes: {} }), vec4Output: true, wgsl };
    const several = device.compile(own, OPTIONS);
    const large = device.compile({ ...own, output: [17, 2] }, OPTIONS);
    expect(kernels.map(({ settings }) => [(settings.argumentTypes as string[])[0], settings.output])).toEqual([
      ['WebGPUBuffer', [3, 7]],
      ['Array', [3]],
      ['WebGPUBuffer', [3, 3]],
      ['WebGPUBuffer', [34]],
    ]);
    expect([plain.run(['x', 0]), host.run(['y', 0])]).toEqual([
      ['x', 0],
      ['y', 0],
    ]);
    const shader = kernels[2]!.kernel.assembleWGSL!();
    expect(shader).toMatch(/result : array<vec4<f32>>;.*fn main\(\) \{\nresult\[0\] = user_inu_ua\[0\];\n\}\n$/s);
    expect(kernels[2]!.kernel.componentCount).toBe(12);
    expect(kernels[3]!.kernel.assembleWGSL!()).toBe(SHADER);
    expect(await several.run(['z', 0])).toEqual({ componentCount: 1, output: [36, 2], args: ['z', 0] });
    kernels[3]!.kernel.componentCount = 4;
    expect(await large.run(['z', 0])).toMatchObject({ componentCount: 1, output: [12, 2] });
    log.length = 0;
    several.resize([5, 8]);
    plain.resize([5, 8]);
    plain.destroy();
    expect(log).toEqual([['output', [5, 3]], ['output', [5, 8]], 'kernel destroyed']);
  });

  test('refuses a gpu.js whose shaders or results have another form', async () => {
    const { device, kernels } = opened();
    const own: Program = { ...program([3, 7], ['a'], 'return 0;', { sizes: {} }), vec4Output: true, wgsl };
    const wrong = device.compile(own, OPTIONS);
    kernels[0]!.kernel.componentCount = 11;
    const without: Program = { ...program([3, 7], ['a'], 'return 0;', { sizes: {} }), vec4Output: true };
    const scalar = device.compile(without, OPTIONS);
    kernels[1]!.kernel.componentCount = 8;
    for (const kernel of [wrong, scalar]) {
      const error = await rejected(async () => kernel.run(['z', 0]));
      expect(error.problem).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
      expect(error.problem.help).toMatch(/npm install gpu\.js@2\.24$/);
    }
  });

  test('gives what gpu.js encoded in the last run', () => {
    const { device, kernels } = opened();
    const kernel = device.compile(
      program([3, 2], ['a'], 'return s + t;', { scalars: ['s', 't'], sizes: { n: 1 } }),
      OPTIONS,
    );
    const mirror = Uint8Array.of(1, 2, 3, 4).buffer;
    const encoded = {
      ...{ computePipeline: { name: 'pipeline' }, bindGroupLayout: { name: 'layout' }, paramsMirror: mirror },
      paramsLayout: { scalarArgs: [{ offset: 8 }, { offset: 12 }, { offset: 20 }] },
      threadDim: [3, 2, 5],
      _computeDispatch: (threads: readonly number[]) => ({ groups: [threads[0]! + 1, 1, 1] }),
    };
    Object.assign(kernels[0]!.kernel, encoded);
    const found = kernel.encoding!();
    expect(found).toEqual({
      ...{ pipeline: encoded.computePipeline, layout: encoded.bindGroupLayout, params: Uint8Array.of(1, 2, 3, 4) },
      ...{ scalarOffsets: [12, 20], groups: [4, 1, 1], resultBytes: 120 },
    });
    new Uint8Array(mirror)[0] = 9;
    expect(found.params[0]).toBe(1);
    kernels[0]!.kernel.componentCount = 4;
    expect(kernel.encoding!().resultBytes).toBe(480);
    for (const name of Object.keys(encoded) as (keyof typeof encoded)[]) {
      kernels[0]!.kernel[name] = null;
      expect(thrown(() => kernel.encoding!()).code).toBe('INVALID_SETTING');
      kernels[0]!.kernel[name] = encoded[name];
    }
  });

  test('reports the errors of its scopes, of memory first', async () => {
    const { device, context } = opened();
    expect(await device.watched(async () => context.calls.push('act'))).toBe(3);
    expect(context.calls).toEqual(['out-of-memory', 'validation', 'act', 'pop', 'pop']);
    const act = (errors: unknown[], of = async (): Promise<unknown> => 1, lost = { is: false }) =>
      rejected(() => opened({ errors, lost }).device.watched(of));
    expect((await act([{ message: 'bad' }])).message).toMatch('the WebGPU device refused a call: bad ');
    expect((await act([{ message: 'bad' }, { message: 'full' }])).code).toBe('OUT_OF_MEMORY');
    const broken = () => Promise.reject(new Error('no shader'));
    expect((await act([], broken)).message).toMatch('the WebGPU device refused a call: no shader ');
    const own = new UnspoolError({ code: 'DISPOSED', what: 'it' });
    expect(await act([], () => Promise.reject(own))).toBe(own);
    expect(await opened({ errors: [new Error('lost'), new Error('lost')] }).device.watched(async () => 4)).toBe(4);
    const lost = { is: false };
    const lose = async () => {
      lost.is = true;
      throw own;
    };
    expect((await act([null, { message: 'full' }], lose, lost)).message).toMatch('the WebGPU device was lost. ');
    let began = false;
    const later = opened({ lost }).device;
    const begin = async () => {
      began = true;
    };
    expect([(await rejected(() => later.watched(begin))).code, began]).toEqual(['DEVICE_LOST', false]);
    expect(thrown(() => later.requireAlive()).code).toBe('DEVICE_LOST');
    expect(device.requireAlive()).toBeUndefined();
  });

  test('lets models take turns, also after an error', async () => {
    const context = contextOf();
    const devices = [0, 1].map(() => webGpuDevice(fakeGpuJs().gpuJs, context));
    const log: string[] = [];
    const slow = async () => {
      log.push('first begins');
      await new Promise(setImmediate);
      log.push('first ends');
      throw new Error('no');
    };
    const both = await Promise.allSettled([
      devices[0]!.watched(slow),
      devices[1]!.watched(async () => log.push('second')),
    ]);
    expect(log).toEqual(['first begins', 'first ends', 'second']);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('without a GPU', () => {
  test.each(['cpu', 'webasm'] as const)('%s: threads in one row, over arrays', (mode) => {
    const { gpuJs, log, kernels, Input } = fakeGpuJs();
    const device = plainDevice(mode, gpuJs);
    expect(device).toMatchObject({
      info: { mode, adapter: 'none', maxBufferBytes: Number.POSITIVE_INFINITY },
      ...{ vec4: 'none', maxArrays: 7, maxBlocks: 1, maxRows: Number.POSITIVE_INFINITY, saturatingThreads: 1 },
      ...{ fusesSums: false, replaySupport: null },
    });
    if (mode === 'cpu') expect(device.planSupport).toBe(null);
    else expect(device.planSupport).toMatchObject({ Input, threads: 'row', maxNumbers: Number.POSITIVE_INFINITY });
    expect([device.resizes([3]), log[0], log.length]).toEqual([false, mode, 1 + FUNCTIONS.length]);
    const kernel = device.compile(program([3, 2], ['a'], 'return 0;', { sizes: {} }), {
      resident: true,
      fromHost: false,
      kinds: '',
    });
    expect(kernels[0]!.settings).toMatchObject({ output: [6], argumentTypes: ['Array', 'Float'], pipeline: true });
    expect(kernels[0]!.source).toMatch('const flat = this.thread.x;');
    expect(kernel.run(['x', 1])).toEqual(['x', 1]);
    kernel.resize([5]);
    kernel.destroy();
    device.dispose();
    expect(log.slice(-2)).toEqual(['kernel destroyed', 'destroyed']);
  });
});
