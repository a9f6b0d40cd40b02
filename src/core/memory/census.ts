/**
 * What is alive on each backend, and the safety net for what was dropped without `free()` or `dispose()`: once nothing refers to a
 * tape, an arena, a stream or a training, or to a view of its memory, the garbage collector frees that memory, too.
 *
 * An engine does not count the memory of a backend as garbage, and it frees nothing while a program only awaits results. So a call
 * after which much more memory is in use than before asks for a garbage collection and waits for it.
 */
import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { backendOf } from './decorate.js';

/** What owns memory, in messages. */
export type Owner = 'model' | 'training' | 'stream' | 'tape' | 'arena' | 'system';

/** The memory of all owners of one kind. */
export interface HeldMemory {
  readonly what: Owner;
  readonly count: number;
  readonly bytes: number;
}

/** So many bytes more than before may be garbage. */
const RELIEF_BYTES = 2 ** 26;

/** All owners on one backend. */
class Census {
  readonly backend: WeakRef<Kernels>;
  readonly kinds = new Map<Owner, { count: number; bytes: number }>();
  bytes = 0;
  /** `bytes` after the last garbage collection. */
  kept = 0;

  constructor(backend: Kernels) {
    this.backend = new WeakRef(backend);
  }

  count(what: Owner, count: number, bytes: number): void {
    let kind = this.kinds.get(what);
    if (!kind) this.kinds.set(what, (kind = { count: 0, bytes: 0 }));
    kind.count += count;
    kind.bytes += bytes;
    this.bytes += bytes;
    if (this.bytes < this.kept) this.kept = this.bytes;
  }
}

const CENSUSES = new WeakMap<Kernels, Census>();

function censusOf(backend: Kernels): Census {
  let census = CENSUSES.get(backend);
  if (!census) CENSUSES.set(backend, (census = new Census(backend)));
  return census;
}

/** What is alive on a backend, the largest first. */
export const heldOn = (kernels: Kernels): HeldMemory[] =>
  [...censusOf(backendOf(kernels)).kinds]
    .map(([what, { count, bytes }]) => ({ what, count, bytes }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes);

/** The memory of one owner. It refers neither to the owner nor to the owner's lease. */
export class Holding {
  private readonly handles = new Set<Matrix | PackedMatrix>();
  private readonly of: { deref(): Kernels | undefined };
  /** Null within another owner, which counts this memory as its own. */
  private readonly census: Census | null;
  private what: Owner;
  private bytes = 0;

  constructor(of: Kernels, backend: Kernels, what: Owner) {
    this.census = of === backend ? censusOf(backend) : null;
    this.of = this.census ? this.census.backend : { deref: () => of };
    this.what = what;
    this.census?.count(what, 1, 0);
  }

  rename(what: Owner): void {
    this.census?.count(this.what, -1, -this.bytes);
    this.census?.count(what, 1, this.bytes);
    this.what = what;
  }

  /** Calls `allocate` on the backend `of`, and keeps the handle. */
  add<M extends Matrix | PackedMatrix>({ memory }: Kernels, allocate: () => M): M {
    const before = memory.inUse();
    const handle = allocate();
    this.handles.add(handle);
    this.grow(memory.inUse() - before);
    return handle;
  }

  free(handle: Matrix | PackedMatrix, of: Kernels): void {
    if (!this.handles.delete(handle)) return;
    const before = of.memory.inUse();
    of.free(handle);
    this.grow(of.memory.inUse() - before);
  }

  /** Frees everything. Does nothing a second time. */
  end(): void {
    const of = this.of.deref();
    if (of) for (const handle of this.handles) of.free(handle);
    this.handles.clear();
    this.census?.count(this.what, -1, -this.bytes);
    this.bytes = 0;
  }

  /** If so much more memory is in use than before that it may be garbage: a promise that the garbage has been freed. */
  relief(): Promise<void> | undefined {
    const { census } = this;
    return census && census.bytes - census.kept > RELIEF_BYTES ? relieve(census) : undefined;
  }

  private grow(bytes: number): void {
    this.bytes += bytes;
    this.census?.count(this.what, 0, bytes);
  }
}

const dropped = new FinalizationRegistry<Holding>((holding) => holding.end());

/** Frees `holding` when nothing refers to `lease` any more. */
export const freeWhenDropped = (lease: object, holding: Holding): void => dropped.register(lease, holding, holding);

/** Frees `holding` now. */
export function freeNow(holding: Holding): void {
  dropped.unregister(holding);
  holding.end();
}

/** Asks for a garbage collection, and lets it free what was dropped. */
async function relieve(census: Census): Promise<void> {
  // An array that is never written takes no memory, but makes the engine collect garbage.
  for (let bytes = 2 ** 31; bytes >= RELIEF_BYTES; bytes /= 2) {
    try {
      new ArrayBuffer(bytes);
      break;
    } catch {} // more than the engine or the system allows
  }
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  census.kept = census.bytes;
}
