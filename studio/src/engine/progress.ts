/** Collects the events of a training run and reports them to the page a few times per second. */
import type { TrainingEvent } from 'unspool';
import type { OnProgress, Progress, Sample } from './api.js';
import type { Session } from './session.js';

const REPORT_MS = 70;
/** Samples are taken at least this far apart, and take at most this share of the time. */
const SAMPLE_MS = 200;
const SAMPLE_SHARE = 0.04;
/** The speed is that of about this time. */
const SPEED_MS = 1000;

export class ProgressReporter {
  private updates: [number, number, number][] = [];
  private validation: [number, number][] = [];
  private epoch = 1;
  private update = 0;
  private reportedAt = performance.now();
  /** When earlier reports were made, and their update. */
  private reports = [{ at: performance.now(), updates: 0 }];
  private updateCount = 0;
  private nextSampleAt = Number.NEGATIVE_INFINITY;
  /** Whether the page has handled the last report. If it takes longer than `REPORT_MS`, reports would pile up before it. */
  private isHandled = true;
  private readonly onProgress: OnProgress;
  private readonly sample: (session: Session) => Promise<Sample | null>;

  constructor(onProgress: OnProgress, sample: (session: Session) => Promise<Sample | null>) {
    this.onProgress = onProgress;
    this.sample = sample;
  }

  record(session: Session, event: Exclude<TrainingEvent, { kind: 'end' }>): void {
    this.update = event.update;
    this.epoch = event.epoch;
    if (event.kind === 'update') {
      this.updates.push([event.update, session.inShownUnit(event.loss), event.gradientNorm]);
      this.updateCount++;
    }
    if (event.kind === 'validation') this.validation.push([event.update, session.inShownUnit(event.loss)]);
  }

  /** Reports to the page; while playing, only if the last report is old enough and was handled. */
  async report(session: Session | null, state: Progress['state'], problem: string | null = null): Promise<void> {
    const now = performance.now();
    if (state === 'playing' && (!this.isHandled || now - this.reportedAt < REPORT_MS)) return;
    const isSampled = session && (state === 'paused' || now > this.nextSampleAt);
    const sample = isSampled ? await this.sample(session) : null;
    if (isSampled) this.nextSampleAt = now + Math.max(SAMPLE_MS, (performance.now() - now) / SAMPLE_SHARE);
    const { updates, validation, epoch, update } = this;
    const updatesPerSecond = this.speed(now);
    const handled = (): void => {
      this.isHandled = true;
    };
    this.isHandled = false;
    Promise.resolve(
      this.onProgress({ updates, validation, epoch, update, updatesPerSecond, sample, state, problem }),
    ).then(handled, handled);
    [this.updates, this.validation, this.reportedAt] = [[], [], performance.now()];
  }

  /** Updates per second, in the last second or, if reports are rare, since the last report. */
  private speed(now: number): number {
    const recent = this.reports.findLastIndex(({ at }) => now - at >= SPEED_MS);
    this.reports = [...this.reports.slice(Math.max(0, recent)), { at: now, updates: this.updateCount }];
    const { at, updates } = this.reports[0]!;
    return (1000 * (this.updateCount - updates)) / Math.max(1, now - at);
  }
}
