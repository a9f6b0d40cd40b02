/**
 * What is alive on each backend, and the safety net for what was dropped without `free()` or `dispose()`: once nothing refers to a
 * tape, an arena, a stream or a training, or to a view of its memory, the garbage collector frees that memory, too.
 *
 * An engine does not count the memory of a backend as garbage, and it frees nothing while a program only awaits results. So a call
 * after which much more memory is in use than before requests a garbage collection and waits for it.
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

/** All owners of one kind. */
interface Kind {
  count: number;
  bytes: number;
}

/** All owners on one backend. */
class Census {
  readonly backend: WeakRef<Kernels>;
  readonly kinds = new Map<Owner, Kind>();
  bytes = 0;
  /** `bytes` after the last garbage collection, or less. */
  kept = 0;

  constructor(backend: Kernels) {
    this.backend = new WeakRef(backend);
  }

  kind(what: Owner): Kind {
    let kind = this.kinds.get(what);
    if (!kind) this.kinds.set(what, (kind = { count: 0, bytes: 0 }));
    return kind;
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
  private kind: Kind | null;
  private bytes = 0;

  constructor(of: Kernels, backend: Kernels, what: Owner) {
    this.census = of === backend ? censusOf(backend) : null;
    this.of = this.census ? this.census.backend : { deref: () => of };
    this.kind = this.census?.kind(what) ?? null;
    if (this.kind) this.kind.count++;
  }

  rename(what: Owner): void {
    const { census, kind, bytes } = this;
    if (!census || !kind) return;
    const next = census.kind(what);
    kind.count--;
    kind.bytes -= bytes;
    next.count++;
    next.bytes += bytes;
    this.kind = next;
  }

  /** Keeps a handle of so many bytes. */
  add(handle: Matrix | PackedMatrix, bytes: number): void {
    this.handles.add(handle);
    this.grow(bytes);
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
    this.grow(-this.bytes);
    if (this.kind) this.kind.count--;
    this.kind = null;
    if (this.census) this.census.kept = Math.min(this.census.kept, this.census.bytes);
  }

  /** If so much more memory is in use than before that it may be garbage: a promise that the garbage has been freed. */
  relief(): Promise<void> | undefined {
    const { census } = this;
    return census && census.bytes - census.kept > RELIEF_BYTES ? relieve(census) : undefined;
  }

  private grow(bytes: number): void {
    const { census, kind } = this;
    if (!census || !kind) return;
    this.bytes += bytes;
    kind.bytes += bytes;
    census.bytes += bytes;
  }
}

const dropped = /* @__PURE__ */ new FinalizationRegistry<Holding>((holding) => holding.end());

/** Frees `holding` when nothing refers to `lease` any more. */
export const freeWhenDropped = (lease: object, holding: Holding): void => dropped.register(lease, holding, holding);

/** Frees `holding` now. */
export function freeNow(holding: Holding): void {
  dropped.unregister(holding);
  holding.end();
}

/** Requests a garbage collection, and lets it free what was dropped. */
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
