/**
 * A run as one plan of gpu.js: all its kernels in one submission, their intermediates in memory that is laid out once. A plan
 * takes arrays from this side and gives arrays back, so it is for small models: what outlives the run makes the round trip.
 */
import { settings, source, type Threads } from '../device/compile.js';
import type { GpuInstance, GpuJs, Made, Pipeline, PlanResult } from '../device/gpu-js.js';
import type { Program } from '../shaders/program.js';
import { inOneRow, packed, roundedUp } from './packed.js';
import type { Call, Piece, Value } from './values.js';

/** How gpu.js runs a plan; `generic`: kernel by kernel, which it is not made for here. */
export type PlanKind = 'fused-encoder' | 'fused-sync' | 'fused-threaded';

/** One kernel of a plan: its arrays are results of earlier steps, or lie in what comes from this side (-1). */
interface Step {
  readonly program: Program;
  readonly inputs: readonly { readonly step: number; readonly begin: number }[];
}

/** What is to be run: the same for every run of the same text. */
interface Layout {
  readonly text: string;
  readonly steps: readonly Step[];
  /** Steps whose results outlive the run, and the values that get them. */
  readonly results: readonly number[];
  readonly outs: readonly Value[];
  /** What comes from this side, packed. */
  readonly externals: readonly Value[];
  readonly scalars: readonly number[];
}

/** What gpu.js gives of a result: numbers, or rows of them. */
const numbersOf = (result: PlanResult): Float32Array =>
  result instanceof Float32Array ? result : inOneRow(result as readonly Float32Array[]);

interface Plan {
  readonly pipeline: Pipeline;
  /** The keys of its kernels. */
  readonly kernels: ReadonlySet<string>;
}

/** Plans that are kept, and texts that were seen once; the one that was not used for longest goes first. */
const MOST_PLANS = 16;

export class Plans {
  /** Why gpu.js would not fuse one: there are none from then on. */
  refused: string | null = null;
  private readonly gpu: GpuInstance;
  private readonly Input: GpuJs['Input'];
  private readonly threads: Threads;
  private readonly most: number;
  /** By text and size, with how many plans have each. */
  private readonly kernels = new Map<string, { readonly made: Made; plans: number }>();
  private readonly plans = new Map<string, Plan>();
  /** Texts that were seen once. */
  private readonly seen = new Set<string>();

  /** `most`: numbers that may go over and come back. */
  constructor(gpu: GpuInstance, Input: GpuJs['Input'], threads: Threads, most: number) {
    this.gpu = gpu;
    this.threads = threads;
    this.Input = Input;
    this.most = most;
  }

  /** The calls as a plan; null where they cannot be one, or are seen for the first time, when compiling it may not pay. */
  take(calls: readonly Call[], nameOf: (program: Program) => string): Layout | null {
    const layout = this.refused === null ? layoutOf(calls, nameOf, this.most) : null;
    if (!layout || layout.results.length === 0) return null;
    if (this.plans.has(layout.text) || this.seen.delete(layout.text)) return layout;
    this.seen.add(layout.text);
    if (this.seen.size > MOST_PLANS) this.seen.delete(this.seen.values().next().value!);
    return null;
  }

  /** Runs it on the numbers of its externals. Null where gpu.js would run it in another way, with nothing done. */
  async run(
    layout: Layout,
    numbers: readonly Float32Array[],
  ): Promise<{ kind: PlanKind; results: Float32Array[] } | null> {
    const { numbers: all } = packed(numbers);
    const plan = this.plans.get(layout.text) ?? this.made(layout);
    this.keep(layout.text, plan);
    const given = await plan.pipeline(new this.Input(all, [all.length]), ...layout.scalars);
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

  /** It is now the one that was used last. */
  private keep(text: string, plan: Plan): void {
    this.plans.delete(text);
    this.plans.set(text, plan);
    if (this.plans.size <= MOST_PLANS) return;
    const [oldest, unused] = this.plans.entries().next().value!;
    this.plans.delete(oldest);
    this.destroy(unused);
  }

  /** With the kernels that no other plan has. */
  private destroy({ pipeline, kernels }: Plan): void {
    const unused = [...kernels].filter((key) => --this.kernels.get(key)!.plans === 0);
    const made = unused.map((key) => this.kernels.get(key)!.made);
    for (const key of unused) this.kernels.delete(key);
    const end = async (): Promise<void> => {
      await pipeline.destroy();
      for (const kernel of made) kernel.destroy();
    };
    void end().catch(() => {}); // perhaps the device went before
  }

  private made({ steps, results, scalars }: Layout): Plan {
    const kernels = new Set<string>();
    const orchestrate = (all: unknown, ...told: readonly unknown[]): unknown[] => {
      let next = 0;
      const made: unknown[] = [];
      for (const { program, inputs } of steps) {
        const arrays = inputs.map(({ step }) => (step < 0 ? all : made[step]));
        const begins = inputs.map(({ begin }) => begin);
        const own = program.scalars.map(() => told[next++]);
        const kernel = this.kernel(program, kernels);
        made.push(kernel(...arrays, ...begins, ...Object.values(program.sizes ?? {}), ...own));
      }
      return results.map((step) => made[step]);
    };
    // gpu.js gives as many arguments as the function names.
    Object.defineProperty(orchestrate, 'length', { value: 1 + scalars.length });
    return { pipeline: this.gpu.createPipeline(orchestrate), kernels };
  }

  /** `used`: by this plan so far. */
  private kernel(program: Program, used: Set<string>): Made {
    const text = source(program, this.threads);
    const key = `${program.output} ${text}`;
    const known = this.kernels.get(key) ?? { made: this.compiled(program, text), plans: 0 };
    this.kernels.set(key, known);
    if (!used.has(key)) known.plans++;
    used.add(key);
    return known.made;
  }

  private compiled(program: Program, text: string): Made {
    const types = program.arrays.map(() => 'Input');
    const how = { ...settings(program, this.threads, types, true), dynamicOutput: false };
    return this.gpu.createKernel(text, how);
  }
}

/** The calls as steps; null where a plan could not run them, or more than `most` numbers would move. */
function layoutOf(calls: readonly Call[], nameOf: (program: Program) => string, most: number): Layout | null {
  const stepOf = new Map<Value, number>();
  const beginOf = new Map<Value, number>();
  const uses = new Map<Value, number>();
  const [steps, names, scalars]: [Step[], string[], number[]] = [[], [], []];
  let size = 0;
  const placed = ({ value, shift }: Piece): Step['inputs'][number] => {
    uses.set(value, (uses.get(value) ?? 0) + 1);
    const step = stepOf.get(value);
    if (step !== undefined) return { step, begin: shift };
    if (!beginOf.has(value)) {
      beginOf.set(value, size);
      size += roundedUp(value.size);
    }
    return { step: -1, begin: beginOf.get(value)! + shift };
  };
  for (const { program, inputs, outs, scalars: own } of calls) {
    if (program.wide || program.also) return null;
    const step = { program, inputs: inputs.map(placed) };
    const places = step.inputs.map((input) => `${input.step}.${input.begin}`);
    names.push(`${nameOf(program)}|${program.output}|${Object.values(program.sizes ?? {})}|${places}`);
    stepOf.set(outs[0]!, steps.length);
    steps.push(step);
    scalars.push(...own);
    if (size > most) return null;
  }
  const outlives = ({ outs: [out] }: Call): boolean => out!.holders > (uses.get(out!) ?? 0);
  const results = calls.flatMap((call, i) => (outlives(call) ? [i] : []));
  const outs = results.map((i) => calls[i]!.outs[0]!);
  if (outs.reduce((sum, out) => sum + out.size, size) > most) return null;
  return {
    text: `${names.join('\n')}>${results}`,
    steps,
    results,
    outs,
    externals: [...beginOf.keys()],
    scalars,
  };
}
