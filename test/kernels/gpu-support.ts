/** Helpers for the tests of the GPU backend. */

import { describe } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import type { GpuKernels, GpuMode } from '../../src/gpu/index.js';
import { loadGpuJs } from '../../src/kernels/gpu/device/gpu-js.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { describeOnWebGpu } from '../support/machine.js';
import { buildModel } from '../support/model.js';

/** The modes that run in Node. */
export const NODE_MODES: readonly GpuMode[] = ['cpu', 'webasm', 'webgpu'];

/** `describe` for each of these modes; skipped for a mode that this machine cannot run. `%s` in the title is the mode. */
export function describeModes(title: string, body: (mode: GpuMode) => void): void {
  for (const mode of NODE_MODES) {
    (mode === 'webgpu' ? describeOnWebGpu : describe)(title.replace('%s', mode), () => body(mode));
  }
}

/** A small model with two inputs and two outputs. */
export const specOf = (hiddenSize: number) =>
  ({
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize },
      { kind: 'linear', size: 2 },
    ],
  }) as const;

export const sines = (length: number, phase = 0): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i + phase));

/** A batch of that model, whose targets are its inputs. */
export function batchOf(steps: number, batchSize: number, phase = 0) {
  const inputs = sines(steps * batchSize * 2, phase);
  return { steps, batchSize, inputs, targets: inputs };
}

/** Trains a model for `updates` updates on one batch, and returns it. */
export async function trainedModel(
  k: GpuKernels,
  hiddenSize: number,
  batch: ReturnType<typeof batchOf>,
  updates: number,
): Promise<Model> {
  const model = buildModel(k, specOf(hiddenSize), true);
  const train = { stateful: false, length: updates, batch: () => batch };
  for await (const _ of fit(model, { train }, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 }));
  return model;
}

/** Numbers of promise ticks: some end before a run begins, some in the middle of it, some after it. */
export const TICKS = Array.from({ length: 24 }, (_, i) => i);

export async function wait(ticks: number): Promise<void> {
  for (let i = 0; i < ticks; i++) await null;
}

/** Destroys the WebGPU device, as a driver does that crashes, and waits until it is reported. */
export async function loseDevice(): Promise<void> {
  await (await loadGpuJs())!.WebGPUContext.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
