/** Opens a mode of gpu.js. */
import { invalidSetting, type UnspoolError } from '../../../errors.js';
import { copyProgram } from '../shaders/indexing.js';
import type { Device } from './device.js';
import { reasonOf, settle } from './faults.js';
import { type GpuJs, loadGpuJs, provideWebGpu } from './gpu-js.js';
import type { GpuMode } from './modes.js';
import { plainDevice } from './plain.js';
import { webGlContext, webGlDevice } from './webgl.js';
import { webGpuDevice } from './webgpu.js';

const unavailable = (mode: GpuMode, problem: string, help: string): UnspoolError =>
  invalidSetting(`backend gpu:${mode}`, problem, help);

async function library(mode: GpuMode): Promise<GpuJs> {
  const found = await loadGpuJs();
  if (!found) throw unavailable(mode, 'the package gpu.js is not installed.', 'Run npm install gpu.js@2.24.');
  return found;
}

async function openWebGpu(gpuJs: GpuJs): Promise<Device> {
  const help = 'In Node, install the package webgpu and a Vulkan driver. In a browser, see chrome://gpu.';
  if (!(await gpuJs.GPU.isWebGPUAvailable())) throw unavailable('webgpu', 'no WebGPU adapter was found.', help);
  const context = await settle(() => gpuJs.WebGPUContext.acquire());
  if ('error' in context) {
    throw unavailable('webgpu', `no WebGPU device is available: ${reasonOf(context.error)}.`, help);
  }
  return webGpuDevice(gpuJs, context.value);
}

function openWebGl(gpuJs: GpuJs): Device {
  const gl = webGlContext();
  if (!gl) {
    const help = 'Use a browser that supports both, or gpu:webgpu.';
    throw unavailable('webgl2', 'no WebGL 2 context that can write floats (EXT_color_buffer_float) was found.', help);
  }
  return webGlDevice(gpuJs, gl);
}

async function openPlain(mode: 'webasm' | 'cpu', gpuJs: GpuJs): Promise<Device> {
  const device = plainDevice(mode, gpuJs);
  try {
    await device.compile(copyProgram(1), { resident: true, fromHost: true, kinds: '' }).run([new Float32Array(1), 0]);
  } catch (error) {
    device.dispose();
    const help = 'A content security policy must allow generated code. Otherwise use backend: wasm.';
    throw unavailable(mode, `gpu.js cannot run its kernels: ${reasonOf(error)}.`, help);
  }
  return device;
}

/**
 * Opens a mode. Throws `INVALID_SETTING`, with the reason, if it is not available. It never falls back to another
 * mode.
 */
export async function openDevice(mode: GpuMode): Promise<Device> {
  if (mode === 'webgpu') await provideWebGpu();
  const gpuJs = await library(mode);
  if (mode === 'webgpu') return openWebGpu(gpuJs);
  if (mode === 'webgl2') return openWebGl(gpuJs);
  return openPlain(mode, gpuJs);
}

/**
 * Opens webgpu or, if it is not available, webgl2. Throws `INVALID_SETTING` with both reasons, on a line each, if neither is
 * available.
 */
export async function openGpu(): Promise<Device> {
  const reasons = new Set<string>(); // without gpu.js, both modes have the same one
  for (const mode of ['webgpu', 'webgl2'] as const) {
    try {
      return await openDevice(mode);
    } catch (error) {
      reasons.add(reasonOf(error).replace(/^backend (gpu:\w+): (the package)/, '$2'));
    }
  }
  const problem = ['no GPU is available.', ...reasons].join('\n');
  throw invalidSetting('backend', problem, 'Use auto, wasm or reference.');
}
