/**
 * Runs as plans of gpu.js: all kernels of a run in one submission, with memory for their intermediates that is
 * allocated once. A plan takes arrays from host memory and returns arrays, so it suits small models: results that
 * outlive the run make the round trip.
 */
import { kernelSettings, kernelSource } from '../device/compile.js';
import type { PlanSupport } from '../device/device.js';
import type { GpuJsKernel, Pipeline, PlanResult } from '../device/gpu-js.js';
import type { Program } from '../shaders/program.js';
import { MAX_CACHED_PLANS } from '../thresholds.js';
import { concatenate, packAligned, roundUpTo4 } from './packing.js';
import type { Call, Piece, Value } from './values.js';

/** How gpu.js executes a plan. `generic` means kernel by kernel, which this backend does not use. */
export type PlanKind = 'fused-encoder' | 'fused-sync' | 'fused-threaded';

/** A kernel of a plan. Its arrays are results of earlier steps, or parts of what comes from host memory (step -1). */
interface PlanStep {
  readonly program: Program;
  readonly inputs: readonly { readonly step: number; readonly start: number }[];
}

/** What a plan computes. Runs with the same key share a plan. */
interface PlanLayout {
  readonly key: string;
  readonly steps: readonly PlanStep[];
  /** Steps whose results outlive the run, and the values that receive them. */
  readonly results: readonly number[];
  readonly outs: readonly Value[];
  /** The values that come from host memory. */
  readonly externals: readonly Value[];
  readonly scalars: readonly number[];
}

interface Plan {
  readonly pipeline: Pipeline;
  /** The keys of its kernels. */
  readonly kernels: ReadonlySet<string>;
}

const numbersOf = (result: PlanResult): Float32Array =>
  result instanceof Float32Array ? result : concatenate(result as readonly Float32Array[]);

/** The compiled plans of a device. */
export class Plans {
  /** Why gpu.js did not fuse a plan. After that, no plans are made. */
  refused: string | null = null;
  private readonly support: PlanSupport;
  /** Kernels by source and size, each with the number of plans that use it. */
  private readonly kernels = new Map<string, { readonly kernel: GpuJsKernel; plans: number }>();
  private readonly plans = new Map<string, Plan>();
  /** Keys that occurred once. */
  private readonly seen = new Set<string>();

  constructor(support: PlanSupport) {
    this.support = support;
  }

  /**
   * The layout of a plan for the calls; null if they cannot be one, or occur for the first time, when compiling may not
   * pay.
   */
  layout(calls: readonly Call[], nameOf: (program: Program) => string): PlanLayout | null {
    const layout = this.possible(calls, nameOf);
    if (!layout) return null;
    if (this.plans.has(layout.key) || this.seen.delete(layout.key)) return layout;
    this.seen.add(layout.key);
    if (this.seen.size > MAX_CACHED_PLANS) this.seen.delete(this.seen.values().next().value!);
    return null;
  }

  /** Whether the calls can be a plan. */
  fits(calls: readonly Call[], nameOf: (program: Program) => string): boolean {
    return this.possible(calls, nameOf) !== null;
  }

  private possible(calls: readonly Call[], nameOf: (program: Program) => string): PlanLayout | null {
    const layout = this.refused === null ? layoutOf(calls, nameOf, this.support.maxNumbers) : null;
    return layout && layout.results.length > 0 ? layout : null;
  }

  /** Runs a plan on the numbers of its externals. Returns null, with nothing computed, if gpu.js did not fuse it. */
  async run(
    layout: PlanLayout,
    numbers: readonly Float32Array[],
  ): Promise<{ kind: PlanKind; results: Float32Array[] } | null> {
    const { numbers: all } = packAligned(numbers);
    const plan = this.plans.get(layout.key) ?? this.build(layout);
    this.keep(layout.key, plan);
    const given = await plan.pipeline(new this.support.Input(all, [all.length]), ...layout.scalars);
    const { executorKind: kind, fallbackReason } = plan.pipeline;
    if (kind === 'generic' || fallbackReason !== null) {
      this.refused = fallbackReason ?? 'gpu.js did not fuse it';
      return null;
    }
    return { kind, results: given.map(numbersOf) };
  }

  dispose(): void {
    for (const plan of this.plans.values()) this.destroy(plan);
    this.plans.clear();
  }

  /** Makes a plan the most recently used one, and drops the least recently used if there are too many. */
  private keep(key: string, plan: Plan): void {
    this.plans.delete(key);
    this.plans.set(key, plan);
    if (this.plans.size <= MAX_CACHED_PLANS) return;
    const [oldest, unused] = this.plans.entries().next().value!;
    this.plans.delete(oldest);
    this.destroy(unused);
  }

  /** Destroys a plan, and the kernels that no other plan uses. */
  private destroy({ pipeline, kernels }: Plan): void {
    const unused = [...kernels].filter((key) => --this.kernels.get(key)!.plans === 0);
    const compiled = unused.map((key) => this.kernels.get(key)!.kernel);
    for (const key of unused) this.kernels.delete(key);
    const end = async (): Promise<void> => {
      await pipeline.destroy();
      for (const kernel of compiled) kernel.destroy();
    };
    void end().catch(() => {}); // the device may already be gone
  }

  private build({ steps, results, scalars }: PlanLayout): Plan {
    const used = new Set<string>();
    const orchestrate = (all: unknown, ...args: readonly unknown[]): unknown[] => {
      let next = 0;
      const computed: unknown[] = [];
      for (const { program, inputs } of steps) {
        const arrays = inputs.map(({ step }) => (step < 0 ? all : computed[step]));
        const starts = inputs.map(({ start }) => start);
        const own = program.scalars.map(() => args[next++]);
        const kernel = this.kernel(program, used);
        computed.push(kernel(...arrays, ...starts, ...Object.values(program.sizes ?? {}), ...own));
      }
      return results.map((step) => computed[step]);
    };
    // gpu.js passes as many arguments as the function declares.
    Object.defineProperty(orchestrate, 'length', { value: 1 + scalars.length });
    return { pipeline: this.support.gpu.createPipeline(orchestrate), kernels: used };
  }

  /** `used`: the kernels that this plan uses so far. */
  private kernel(program: Program, used: Set<string>): GpuJsKernel {
    const source = kernelSource(program, this.support.threads);
    const key = `${program.output} ${source}`;
    const cached = this.kernels.get(key) ?? { kernel: this.compile(program, source), plans: 0 };
    this.kernels.set(key, cached);
    if (!used.has(key)) cached.plans++;
    used.add(key);
    return cached.kernel;
  }

  private compile(program: Program, source: string): GpuJsKernel {
    const types = program.arrays.map(() => 'Input');
    const settings = { ...kernelSettings(program, this.support.threads, types, true), dynamicOutput: false };
    return this.support.gpu.createKernel(source, settings);
  }
}

/** The calls as a plan; null if a plan could not run them, or would move more than `maxNumbers` numbers. */
function layoutOf(calls: readonly Call[], nameOf: (program: Program) => string, maxNumbers: number): PlanLayout | null {
  const stepOf = new Map<Value, number>();
  const startOf = new Map<Value, number>();
  const uses = new Map<Value, number>();
  const [steps, names, scalars]: [PlanStep[], string[], number[]] = [[], [], []];
  let size = 0;
  const place = ({ value, shift }: Piece): PlanStep['inputs'][number] => {
    uses.set(value, (uses.get(value) ?? 0) + 1);
    const step = stepOf.get(value);
    if (step !== undefined) return { step, start: shift };
    if (!startOf.has(value)) {
      startOf.set(value, size);
      size += roundUpTo4(value.size);
    }
    return { step: -1, start: startOf.get(value)! + shift };
  };
  for (const { program, inputs, outs, scalars: own } of calls) {
    if (program.vec4Output || program.extraOutputs) return null;
    const step = { program, inputs: inputs.map(place) };
    const places = step.inputs.map((input) => `${input.step}.${input.start}`);
    names.push(`${nameOf(program)}|${program.output}|${Object.values(program.sizes ?? {})}|${places}`);
    stepOf.set(outs[0]!, steps.length);
    steps.push(step);
    scalars.push(...own);
    if (size > maxNumbers) return null;
  }
  const outlives = ({ outs: [out] }: Call): boolean => out!.refCount > (uses.get(out!) ?? 0);
  const results = calls.flatMap((call, i) => (outlives(call) ? [i] : []));
  const outs = results.map((i) => calls[i]!.outs[0]!);
  if (outs.reduce((sum, out) => sum + out.size, size) > maxNumbers) return null;
  return { key: `${names.join('\n')}>${results}`, steps, results, outs, externals: [...startOf.keys()], scalars };
}
