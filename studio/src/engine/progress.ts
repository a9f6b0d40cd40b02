/** Collects the events of a training run and reports them to the page a few times per second. */
import type { TrainingEvent } from 'unspool';
import type { OnProgress, Progress, Sample } from './api.js';
import type { Session } from './session.js';

const REPORT_MS = 70;
const SAMPLE_MS = 2500;

export class ProgressReporter {
  private updates: [number, number, number][] = [];
  private validation: [number, number][] = [];
  private epoch = 1;
  private update = 0;
  private reportedAt = performance.now();
  private sampledAt = Number.NEGATIVE_INFINITY;
  private readonly onProgress: OnProgress;
  private readonly sample: (session: Session) => Promise<Sample | null>;

  constructor(onProgress: OnProgress, sample: (session: Session) => Promise<Sample | null>) {
    this.onProgress = onProgress;
    this.sample = sample;
  }

  record(session: Session, event: Exclude<TrainingEvent, { kind: 'end' }>): void {
    this.update = event.update;
    this.epoch = event.epoch;
    if (event.kind === 'update') this.updates.push([event.update, session.inShownUnit(event.loss), event.gradientNorm]);
    if (event.kind === 'validation') this.validation.push([event.update, session.inShownUnit(event.loss)]);
  }

  /** Reports to the page; while playing, only if the last report is old enough. */
  async report(session: Session | null, state: Progress['state'], problem: string | null = null): Promise<void> {
    const now = performance.now();
    if (state === 'playing' && now - this.reportedAt < REPORT_MS) return;
    const isSampled = session && (state === 'paused' || now - this.sampledAt > SAMPLE_MS);
    if (isSampled) this.sampledAt = now;
    const sample = isSampled ? await this.sample(session) : null;
    const { updates, validation, epoch, update } = this;
    const updatesPerSecond = (1000 * updates.length) / Math.max(1, now - this.reportedAt);
    this.onProgress({ updates, validation, epoch, update, updatesPerSecond, sample, state, problem });
    [this.updates, this.validation, this.reportedAt] = [[], [], performance.now()];
  }
}
