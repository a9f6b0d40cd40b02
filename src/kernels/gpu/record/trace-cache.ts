/** The traces that have occurred. */
import { MAX_CACHED_TRACES } from '../thresholds.js';
import type { Trace } from './trace.js';

/** The most recently used traces whose allocations exist. */
export class TraceCache {
  private readonly traces: Trace[] = [];
  /** What keeps `drop` from being called when an allocation is freed. */
  private readonly unwatch = new Map<Trace, () => void>();

  /** The most recently used one first. */
  get all(): readonly Trace[] {
    return this.traces;
  }

  /** Makes a trace the most recently used one. */
  use(trace: Trace): void {
    const place = this.traces.indexOf(trace);
    if (place === 0) return;
    if (place > 0) this.traces.splice(place, 1);
    else this.watch(trace);
    this.traces.unshift(trace);
    if (this.traces.length > MAX_CACHED_TRACES) this.drop(this.traces.at(-1)!);
  }

  /** Drops a trace when one of its allocations is freed: it cannot occur any more. */
  private watch(trace: Trace): void {
    const drop = (): void => this.drop(trace);
    for (const { onFree } of trace.allocations) onFree.add(drop);
    this.unwatch.set(trace, () => {
      for (const { onFree } of trace.allocations) onFree.delete(drop);
    });
  }

  private drop(trace: Trace): void {
    this.unwatch.get(trace)?.();
    this.unwatch.delete(trace);
    const place = this.traces.indexOf(trace);
    if (place >= 0) this.traces.splice(place, 1);
    trace.isDropped = true;
    trace.replay?.drop();
    trace.replay = null;
  }

  dispose(): void {
    for (const trace of [...this.traces]) this.drop(trace);
  }
}
