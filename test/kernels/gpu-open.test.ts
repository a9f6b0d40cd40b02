/** How modes of the GPU backend are opened, and why they are not. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { loadGpuJs, provideWebGpu } from '../../src/kernels/gpu/device/gpu-js.js';
import { openDevice, openGpu } from '../../src/kernels/gpu/device/open.js';
import { rejected } from '../support/errors.js';
import { fakeGpuJs } from './gpu-js.js';

describe('opening', () => {
  const global = globalThis as unknown as Record<string, unknown>;
  const { navigator } = globalThis;
  const use = (gpuJs: unknown) => {
    global.GPU = gpuJs;
    Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true, writable: true });
  };
  afterEach(() => {
    delete global.GPU;
    Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  });
  const problem = (act: () => Promise<unknown>) => rejected(act).then(({ message }) => message);

  test('a mode that is there', async () => {
    const { gpuJs, log, kernels, runs } = fakeGpuJs();
    use(gpuJs);
    const modes = await Promise.all((['webgpu', 'cpu', 'webasm'] as const).map((mode) => openDevice(mode)));
    expect(modes.map(({ info }) => info.mode)).toEqual(['webgpu', 'cpu', 'webasm']);
    expect((await openGpu()).info.mode).toBe('webgpu');
    expect(log).not.toContain('destroyed');
    // cpu and webasm run one kernel to find out whether they can
    expect(runs).toEqual(new Array(2).fill([new Float32Array(1), 0]));
    expect(kernels[0]!.settings).toMatchObject({ output: [1], pipeline: true, argumentTypes: ['Array', 'Float'] });
  });

  test('a mode that is not there says why', async () => {
    use(fakeGpuJs({ available: false }).gpuJs);
    expect(await problem(() => openDevice('webgpu'))).toBe(
      'backend gpu:webgpu: no WebGPU adapter was found. In Node, install the package webgpu and a Vulkan driver. In a browser, see chrome://gpu.',
    );
    expect(await problem(() => openDevice('webgl2'))).toMatch(/^backend gpu:webgl2: no WebGL 2 context that can write/);
    expect((await problem(openGpu)).split('\n').map((line) => line.slice(0, 24))).toEqual([
      'backend: no GPU is avail',
      'backend gpu:webgpu: no W',
      'backend gpu:webgl2: no W',
      'Use auto, wasm or refere',
    ]);
    use(fakeGpuJs({ acquire: () => Promise.reject(new Error('too many')) }).gpuJs);
    expect(await problem(() => openDevice('webgpu'))).toMatch(
      /^backend gpu:webgpu: no WebGPU device is available: too many\. In Node/,
    );
    const { gpuJs, log } = fakeGpuJs({ fails: true });
    use(gpuJs);
    expect(await problem(() => openDevice('cpu'))).toBe(
      'backend gpu:cpu: gpu.js cannot run its kernels: no eval. A content security policy must allow generated code. Otherwise use backend: wasm.',
    );
    expect(log.at(-1)).toBe('destroyed');
  });

  describe('packages', () => {
    const broken = (message: string, code?: string) => () => {
      throw Object.assign(new Error(message), { code });
    };
    const provide = (name: string, make: () => unknown) => {
      jest.resetModules();
      jest.doMock(name, make);
    };
    afterEach(() => {
      for (const name of ['gpu.js', 'webgpu']) jest.dontMock(name);
      delete global.GPUTestThing;
    });

    test('gpu.js: as it is exported, as a default, or not at all', async () => {
      const own = { GPU: class {} };
      use(undefined);
      for (const found of [own, { __esModule: true, default: own }, { __esModule: true, ...own }]) {
        provide('gpu.js', () => found);
        expect((await loadGpuJs())!.GPU).toBe(own.GPU);
      }
      provide('gpu.js', () => ({}));
      expect(await loadGpuJs()).toBe(null);
      use({}); // something else of that name
      expect(await loadGpuJs()).toBe(null);
      use(own);
      expect(await loadGpuJs()).toBe(own);
    });

    test('a package that is not installed is null; the reason of one that does not load is reported', async () => {
      use(undefined);
      const missing: [string, string?][] = [
        ["Cannot resolve 'gpu.js'", 'ERR_MODULE_NOT_FOUND'],
        ["no 'gpu.js'", 'MODULE_NOT_FOUND'],
        ["Failed to resolve module specifier 'gpu.js'"],
        ["Relative import path 'gpu.js' not prefixed"],
      ];
      for (const [message, code] of missing) {
        provide('gpu.js', broken(message, code));
        expect(await loadGpuJs()).toBe(null);
      }
      expect((await problem(openGpu)).split('\n')).toEqual([
        'backend: no GPU is available.',
        'the package gpu.js is not installed. Run npm install gpu.js@2.24.',
        'Use auto, wasm or reference.',
      ]);
      const wrong: [string, string?][] = [
        ['libX11.so: cannot open shared object file'],
        ['gpu.js: libX11.so: invalid ELF header'],
        ["Cannot find module 'other'", 'MODULE_NOT_FOUND'],
      ];
      for (const [message, code] of wrong) {
        provide('gpu.js', broken(message, code));
        const text = `backend: the package gpu.js is installed but does not load: ${message}`;
        expect(await problem(loadGpuJs)).toMatch(text);
      }
    });

    test('webgpu: is loaded for that mode only', async () => {
      const made: unknown[] = [];
      const create = () => made.push('gpu');
      provide('webgpu', () => ({ create, globals: {} }));
      use(fakeGpuJs().gpuJs);
      Object.defineProperty(globalThis, 'navigator', { value: undefined, configurable: true, writable: true });
      await openDevice('cpu');
      expect(made).toEqual([]);
      await openDevice('webgpu');
      expect(made).toEqual(['gpu']);
    });

    test('webgpu: sets the globals that are missing', async () => {
      const value = (navigator: unknown) => ({ value: navigator, configurable: true, writable: true });
      const made: unknown[] = [];
      const create = (options: string[]) => {
        made.push(options);
        return { name: 'gpu' };
      };
      provide('webgpu', () => ({ create, globals: { GPU: 'theirs', GPUTestThing: 'thing' } }));
      global.GPU = 'ours';
      const present = { gpu: 'present' };
      Object.defineProperty(globalThis, 'navigator', value(present));
      await provideWebGpu();
      expect([made, present.gpu]).toEqual([[], 'present']);
      const bare: { gpu?: unknown } = {};
      Object.defineProperty(globalThis, 'navigator', value(bare));
      await provideWebGpu();
      expect([made, bare.gpu, global.GPU, global.GPUTestThing]).toEqual([[[]], { name: 'gpu' }, 'ours', 'thing']);
      Object.defineProperty(globalThis, 'navigator', value(undefined));
      await provideWebGpu();
      expect((globalThis.navigator as unknown as { gpu: unknown }).gpu).toEqual({ name: 'gpu' });
      Object.defineProperty(globalThis, 'navigator', value(undefined));
      provide('webgpu', broken("Cannot find module 'webgpu'", 'MODULE_NOT_FOUND'));
      await provideWebGpu();
      expect([globalThis.navigator, made.length]).toEqual([undefined, 2]);
    });
  });
});
