/** The instructions of the backend, followed by a tracer that replays runs which recur. */
import type { Kernels } from '../../contract/kernels.js';
import { computing } from './instructions/computing.js';
import type { memory } from './instructions/memory.js';
import type { Window } from './record/allocation.js';
import type { InstructionName } from './record/entry.js';
import type { Recorder } from './record/recorder.js';
import { Rehearsal } from './record/rehearsal.js';
import { Tracer } from './record/tracer.js';

type All = ReturnType<typeof memory>['instructions'] & ReturnType<typeof computing>;

/** What the tracer follows in its own way, or not at all: allocations and views are the same objects in every update. */
const OF_MEMORY: readonly string[] = ['memory', 'alloc', 'allocPacked', 'view', 'free', 'upload', 'download', 'host'];

/** A tracer of the instructions over a recorder. */
export function tracerOf(rec: Recorder, all: All): Tracer {
  const rehearsal = new Rehearsal(rec.executor);
  return new Tracer([rec, all], [rehearsal, computing(rehearsal)]);
}

/** The instructions that a tracer follows. */
export function traced(tracer: Tracer, all: All): Partial<Kernels> {
  const names = Object.keys(all).filter((name) => !OF_MEMORY.includes(name)) as InstructionName[];
  return {
    ...Object.fromEntries(names.map((name) => [name, (...args: unknown[]) => tracer.call(name, args)])),
    upload: (out, data) => tracer.upload(out, data),
    download: (a) => tracer.download(a),
    free(m) {
      tracer.beforeFree(m as Window);
      all.free(m);
    },
  };
}
